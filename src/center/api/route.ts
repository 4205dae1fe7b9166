import type { Static, TSchema } from "typebox";

/** Who may call: kiosks, license servers or customer terminals by signature, staff by token, all but customer terminals ("any"), these or staff ("customer"), or anybody. */
export type Access = "kiosk" | "server" | "staff" | "any" | "terminal" | "customer" | "open";

/** One operation of the interface: the service checks requests by it, the OpenAPI document tells of it, the client takes its types from it. */
export interface Route {
  method: "GET" | "POST" | "PUT";
  /** Parameters in the path as `:name`. */
  url: string;
  access: Access;
  tag: string;
  summary: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  response: TSchema;
}

export function route<const R extends Route>(definition: R): R {
  return definition;
}

type Part<R, Name extends string> = R extends Record<Name, infer T extends TSchema> ? Record<Name, Static<T>> : object;

/** What a caller gives. */
export type Input<R extends Route> = Part<R, "params"> & Part<R, "query"> & Part<R, "body">;

/** What a caller gets. */
export type Output<R extends Route> = Static<R["response"]>;

/** The path of a call, parameters and query put in. */
export function pathOf(definition: Route, input: { params?: object; query?: object }): string {
  const params = new Map<string, unknown>(Object.entries(input.params ?? {}));
  const path = definition.url.replace(/:([a-zA-Z]+)/g, (_, name: string) => encodeURIComponent(String(params.get(name))));
  const query = new URLSearchParams(Object.entries(input.query ?? {}).filter(([, value]) => value !== undefined));
  return query.size > 0 ? `${path}?${query.toString()}` : path;
}
