import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import * as api from "../../api/advert-routes.js";
import { ProblemError } from "../../api/problems.js";
import { csv, eraseCustomer, orderLines, orderSums, type Span } from "../../orders/report.js";
import { forCenter, type Principal } from "../access.js";
import { command, options, query } from "../commands.js";
import type { Parts } from "../parts.js";
import type { Database } from "../../db/database.js";

const PAGE = 1000;

function spanOf(principal: Principal, { from, to }: { from?: string; to?: string }): Span {
  if (principal.kind !== "staff") throw new ProblemError("not-allowed", "Only staff reads reports; send a staff token.");
  return { operatorId: principal.operatorId, from: Number(from ?? 0), to: Number(to ?? Number.MAX_SAFE_INTEGER) };
}

async function numberOf(db: Database, orderId: string | undefined): Promise<number | null> {
  if (orderId === undefined) return null;
  const row = await db.selectFrom("orders").select("number").where("id", "=", orderId).executeTakeFirst();
  if (row === undefined) throw new ProblemError("not-found", `No order has the id ${orderId}; check the id.`);
  return row.number;
}

/** Customer identification information: who ordered what, by class; and its erasure. */
export function orderReportRoutes(app: FastifyInstance, parts: Parts): void {
  const lines = async (principal: Principal, given: Static<typeof api.ReportQuery>) =>
    orderLines(parts.db, spanOf(principal, given), await numberOf(parts.db, given.before), PAGE);
  const sums = (principal: Principal, given: Static<typeof api.SumsQuery>) => orderSums(parts.db, spanOf(principal, given), given.by);
  query(app, parts, api.orderReport, ({ principal }, { query: given }) => lines(principal, given));
  query(app, parts, api.orderSums, ({ principal }, { query: given }) => sums(principal, given));
  const asCsv = (
    url: string,
    summary: string,
    shape: typeof api.ReportQuery | typeof api.SumsQuery,
    run: (request: FastifyRequest) => Promise<string>,
  ) => {
    app.route({
      ...(options({ method: "GET", url, access: "staff", tag: "Reports", summary, query: shape, response: Type.Unknown() }) as {
        method: "GET";
        url: string;
      }),
      handler: async (request: FastifyRequest, reply: FastifyReply) =>
        reply.type("text/csv; charset=utf-8; header=present").send(await run(request)),
    });
  };
  asCsv("/v1/reports/orders/csv", "Who ordered what, as CSV", api.ReportQuery, async ({ principal, query: given }) =>
    csv(Object.keys(api.OrderLine.properties), await lines(principal, given as Static<typeof api.ReportQuery>)),
  );
  asCsv("/v1/reports/orders/sums/csv", "Orders counted by an item, as CSV", api.SumsQuery, async ({ principal, query: given }) =>
    csv(Object.keys(api.SumLine.properties), await sums(principal, given as Static<typeof api.SumsQuery>)),
  );
  command(app, parts, api.eraseCustomer, async (scope, { params: { customerId } }) => {
    forCenter(scope.principal);
    await eraseCustomer(scope, customerId);
    return { id: customerId };
  });
}
