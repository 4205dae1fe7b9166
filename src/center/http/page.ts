import swagger, { type StaticDocumentSpec } from "@fastify/swagger";
import { fastify, type FastifyInstance } from "fastify";

/** The page that shows the interface, at /docs: an inner server without a port, made when somebody looks, since a start need not wait for it. */
export function installPage(app: FastifyInstance): void {
  let page: Promise<FastifyInstance> | undefined;
  for (const url of ["/docs", "/docs/*"])
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      page ??= buildPage(app.swagger() as StaticDocumentSpec["document"]);
      const { routing } = await page;
      reply.hijack();
      routing(request.raw, reply.raw);
    });
}

async function buildPage(document: StaticDocumentSpec["document"]): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import("@fastify/swagger-ui");
  const page = fastify();
  await page.register(swagger, { mode: "static", specification: { document } });
  await page.register(swaggerUi, { routePrefix: "/docs", uiConfig: { tryItOutEnabled: false } });
  await page.ready();
  return page;
}
