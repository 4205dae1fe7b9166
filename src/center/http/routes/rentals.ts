import type { FastifyInstance } from "fastify";
import * as api from "../../api/rental-routes.js";
import { ProblemError } from "../../api/problems.js";
import { ROLE_CARD } from "../../../core/protocol/constants.js";
import { listContents } from "../../catalog/contents.js";
import { recommend } from "../../catalog/recommend.js";
import { RECOMMENDATIONS_MAX } from "../../api/recommendations.js";
import { meetCard } from "../../loans/meeting.js";
import { introduceKiosk } from "../../loans/introduction.js";
import { activateLoan, cancelLoan, completeContract, makeContract, prepareLoan, sealKey } from "../../loans/rental.js";
import { loanBody } from "../../loans/view.js";
import { tariffOf } from "../../money/charges.js";
import { fromHex, toHex } from "../../scope.js";
import type { Principal } from "../access.js";
import { command, query } from "../commands.js";
import type { Parts } from "../parts.js";

const PAGE = 100;

/** The kiosk that a route with access "kiosk" was called by. */
export function kioskOf(principal: Principal): { id: string; operatorId: string } {
  if (principal.kind !== "kiosk") throw new ProblemError("not-allowed", "Only a kiosk may do this; sign as one.");
  return principal;
}

/** What a rental kiosk does, step by step. */
export function rentalRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.introduce, async (scope, { body: { firstId, secondId } }) => {
    const { tickets, chains } = await introduceKiosk(scope, kioskOf(scope.principal).id, firstId, secondId);
    return {
      firstTicket: toHex(tickets[0]),
      secondTicket: toHex(tickets[1]),
      firstChain: toHex(chains[0]),
      secondChain: toHex(chains[1]),
    };
  });
  command(app, parts, api.prepareLoan, async (scope, { body }) => {
    const { id, operatorId } = kioskOf(scope.principal);
    return loanBody(scope.trx, await prepareLoan(scope, { ...body, kioskId: id, operatorId }));
  });
  command(app, parts, api.meetCard, async (scope, { params: { loanId }, body: { number, answer } }) => {
    if ((number === undefined) !== (answer === undefined))
      throw new ProblemError("malformed-request", "An answer goes with the number of its command; send both, or neither to begin.");
    const carried = number === undefined || answer === undefined ? null : { number, answer: fromHex(answer) };
    const step = await meetCard(scope, parts.meetings, loanId, kioskOf(scope.principal).id, carried);
    const { introduction } = step;
    return {
      number: step.number,
      command: step.command === null ? null : toHex(step.command),
      readers: step.readers,
      introduction: introduction && {
        readerId: introduction.readerId,
        cardTicket: toHex(introduction.cardTicket),
        cartridgeTicket: toHex(introduction.cartridgeTicket),
        mailbox: introduction.readerTickets.map(toHex).join(""),
      },
    };
  });
  command(app, parts, api.makeContract, async (scope, { params: { loanId }, body: { contract } }) => ({
    license: toHex(await makeContract(scope, loanId, kioskOf(scope.principal).id, fromHex(contract))),
  }));
  command(app, parts, api.completeContract, async (scope, { params: { loanId }, body: { proof } }) =>
    loanBody(scope.trx, await completeContract(scope, loanId, kioskOf(scope.principal).id, fromHex(proof))),
  );
  command(app, parts, api.sealKey, async (scope, { params: { loanId }, body: { challenge, counter } }) => {
    const sealed = await sealKey(scope, loanId, kioskOf(scope.principal).id, fromHex(challenge), counter);
    return { keyLoad: toHex(sealed.keyLoad), envelope: toHex(sealed.envelope) };
  });
  command(app, parts, api.activateLoan, async (scope, { params: { loanId }, body: { challenge, proof } }) => {
    const { loan, activation } = await activateLoan(scope, loanId, kioskOf(scope.principal).id, fromHex(challenge), fromHex(proof));
    return { loan: await loanBody(scope.trx, loan), activation: toHex(activation) };
  });
  command(app, parts, api.cancelLoan, async (scope, { params: { loanId } }) =>
    loanBody(scope.trx, await cancelLoan(scope, loanId, kioskOf(scope.principal).id)),
  );
  query(app, parts, api.getLoan, async ({ db, principal }, { params: { loanId } }) => {
    const loan = await db.selectFrom("loans").selectAll().where("id", "=", loanId).executeTakeFirst();
    // Any kiosk may take any loan back; staff sees its own operator's.
    const hidden = principal.kind === "staff" && principal.operatorId !== null && principal.operatorId !== loan?.operator_id;
    if (loan === undefined || hidden) throw new ProblemError("not-found", `No loan has the id ${loanId}; check the id.`);
    return loanBody(db, loan);
  });
  query(app, parts, api.listOffers, async ({ db, principal, now }, { query: { after } }) => {
    const { operatorId } = kioskOf(principal);
    const contents = await listContents(db, after ?? "", PAGE, operatorId);
    const offers = await db
      .selectFrom("offers")
      .leftJoin("tariffs", "tariffs.id", "offers.tariff_id")
      .selectAll("offers")
      .select(["base", "period_price", "period_seconds", "cap", "grace_seconds", "lost_price"])
      .where("offers.operator_id", "=", operatorId)
      .where("content_id", "in", [...contents.map((content) => content.id), ""])
      .execute();
    const { currency } = await db.selectFrom("operators").select("currency").where("id", "=", operatorId).executeTakeFirstOrThrow();
    return {
      currency,
      time: now,
      offers: contents.flatMap((content) => {
        const row = offers.find((offer) => offer.content_id === content.id);
        if (row === undefined) return [];
        const { base, period_price, period_seconds, grace_seconds, lost_price } = row;
        const priced = base !== null && period_price !== null && period_seconds !== null && grace_seconds !== null && lost_price !== null;
        return [
          {
            content,
            tariff: priced ? tariffOf({ base, period_price, period_seconds, cap: row.cap, grace_seconds, lost_price }) : null,
            offer: {
              contentId: row.content_id,
              tariffId: row.tariff_id,
              custody: row.custody,
              durationSeconds: row.duration_seconds,
              plays: row.plays,
              windowSeconds: row.window_seconds,
              totalSeconds: row.total_seconds,
              readers: row.readers,
            },
          },
        ];
      }),
    };
  });
  query(app, parts, api.recommendations, async ({ db }, { params: { cardId } }) => {
    const card = await db.selectFrom("devices").select(["customer_id", "role"]).where("id", "=", cardId).executeTakeFirst();
    if (card?.role !== ROLE_CARD || card.customer_id === null)
      throw new ProblemError("not-found", `No customer's card has the id ${cardId}; check the id.`);
    return { recommendations: await recommend(db, card.customer_id, RECOMMENDATIONS_MAX) };
  });
}
