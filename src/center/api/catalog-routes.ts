import { Type } from "typebox";
import { route } from "./route.js";
import { ContentBody, Hash, Id, Name, Suite, Text, closed, nullable } from "./schema.js";

const tag = "Catalog";
const Params = Type.Object({ contentId: Id });
const copies = nullable(
  Type.Integer({ minimum: 0, maximum: 1_000_000, description: "How many may be lent at a time; null without a limit" }),
);

export const createContent = route({
  method: "POST",
  url: "/v1/contents",
  access: "staff",
  tag,
  summary: "Take in a content by its title, type and producer; its bytes and pictures follow",
  body: closed({
    id: Type.Optional(Id),
    title: Name,
    type: Type.String({ pattern: "^[a-z]+/[A-Za-z0-9.+-]{1,60}$", description: "Media type" }),
    description: Text,
    producer: Name,
    copies,
  }),
  response: Type.Object({ id: Id }),
});

export const setCopies = route({
  method: "PUT",
  url: "/v1/contents/:contentId/copies",
  access: "staff",
  tag,
  summary: "Set how many copies may be lent at a time",
  params: Params,
  body: closed({ copies }),
  response: ContentBody,
});

export const withdrawContent = route({
  method: "POST",
  url: "/v1/contents/:contentId/withdrawal",
  access: "staff",
  tag,
  summary: "Lend a content no more; loans that run go on",
  params: Params,
  body: closed({}),
  response: Type.Object({ id: Id }),
});

export const getContent = route({
  method: "GET",
  url: "/v1/contents/:contentId",
  access: "any",
  tag,
  summary: "Look at a content",
  params: Params,
  response: ContentBody,
});

export const listContents = route({
  method: "GET",
  url: "/v1/contents",
  access: "any",
  tag,
  summary: "List contents by id, a hundred at a time",
  query: Type.Object({ after: Type.Optional(Id) }),
  response: Type.Array(ContentBody),
});

/** Bytes in (`application/octet-stream`), a JSON answer out: these are no commands with a JSON body. */
export const SealedParams = Type.Object({
  contentId: Id,
  version: Type.String({ pattern: "^[1-9][0-9]{0,4}$", description: "Title key version, 1 to 65535" }),
  suite: Type.String({ pattern: "^[12]$", description: "Stream suite" }),
});
export const SealedQuery = Type.Object({
  sampleRate: Type.Optional(Type.String({ pattern: "^[0-9]{1,6}$", description: "Samples a second; 0 for anything but sound" })),
  sha256: Type.Optional(Hash),
});
export const SealedAnswer = Type.Object({ contentId: Id, version: Type.Integer(), suite: Suite, length: Type.Integer(), sha256: Hash });
export const PictureParams = Type.Object({ contentId: Id, number: Type.String({ pattern: "^([0-9]|1[0-5])$" }) });
