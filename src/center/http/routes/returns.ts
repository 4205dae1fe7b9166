import type { FastifyInstance } from "fastify";
import { RECOMMENDATIONS_MAX } from "../../api/recommendations.js";
import * as api from "../../api/return-routes.js";
import { recommend } from "../../catalog/recommend.js";
import { points, rate, reserve } from "../../loans/afterwards.js";
import { endReservation } from "../../loans/copies.js";
import { lockLoan } from "../../loans/machine.js";
import { markUnpaid, orderRevocation, takePayment, takeReceipt, takeRevocation } from "../../loans/returning.js";
import { loanBody } from "../../loans/view.js";
import { fromHex, toHex } from "../../scope.js";
import { forOperator } from "../access.js";
import { command } from "../commands.js";
import type { Parts } from "../parts.js";
import { kioskOf } from "./rentals.js";

/** What a return kiosk does: end the loan, charge, take the money, and what the customer leaves behind. */
export function returnRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.takeReceipt, async (scope, { body: { receipt } }) => {
    const { loan, acknowledgment } = await takeReceipt(scope, fromHex(receipt), kioskOf(scope.principal).id);
    return {
      loan: await loanBody(scope.trx, loan),
      acknowledgment: toHex(acknowledgment),
      recommendations: await recommend(scope.trx, loan.customer_id, RECOMMENDATIONS_MAX, [loan.content_id]),
      time: scope.now,
    };
  });
  command(app, parts, api.orderRevocation, async (scope, { params: { loanId } }) => ({
    revocation: toHex(await orderRevocation(scope, loanId)),
  }));
  command(app, parts, api.takeRevocation, async (scope, { params: { loanId }, body: { proof } }) => {
    const loan = await takeRevocation(scope, loanId, fromHex(proof), kioskOf(scope.principal).id);
    return {
      loan: await loanBody(scope.trx, loan),
      recommendations: await recommend(scope.trx, loan.customer_id, RECOMMENDATIONS_MAX, [loan.content_id]),
    };
  });
  command(app, parts, api.payLoan, async (scope, { params: { loanId }, body }) => {
    const { principal } = scope;
    const loan = await lockLoan(scope, loanId);
    if (principal.kind === "staff") forOperator(principal, loan.operator_id);
    const kiosk = principal.kind === "kiosk" ? principal : null;
    const paid = await takePayment(scope, loanId, {
      ...body,
      kioskId: kiosk?.id ?? null,
      collector: kiosk?.operatorId ?? loan.operator_id,
    });
    return loanBody(scope.trx, paid);
  });
  command(app, parts, api.refundLoan, async (scope, { params: { loanId }, body }) => {
    const loan = await lockLoan(scope, loanId);
    forOperator(scope.principal, loan.operator_id);
    const refund = { ...body, amount: -body.amount, kioskId: null, collector: loan.operator_id };
    return loanBody(scope.trx, await takePayment(scope, loanId, refund));
  });
  command(app, parts, api.markUnpaid, async (scope, { params: { loanId }, body: { reason } }) =>
    loanBody(scope.trx, await markUnpaid(scope, loanId, reason)),
  );
  command(app, parts, api.rateLoan, async (scope, { params: { loanId }, body: { stars } }) => {
    await rate(scope, loanId, stars);
    return { points: await points(scope.trx, (await lockLoan(scope, loanId)).customer_id) };
  });
  command(app, parts, api.reserveContent, async (scope, { body: { loanId, contentId } }) => {
    const id = await reserve(scope, loanId, contentId);
    const row = await scope.trx.selectFrom("reservations").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
    return { id, state: row.state, heldUntil: row.held_until, points: await points(scope.trx, row.customer_id) };
  });
  command(app, parts, api.cancelReservation, async (scope, { params: { reservationId } }) => {
    await endReservation(scope, reservationId, "CANCELLED");
    return { id: reservationId };
  });
}
