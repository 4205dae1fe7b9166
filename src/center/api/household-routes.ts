import { Type } from "typebox";
import { route } from "./route.js";
import {
  Amount,
  Chain,
  Currency,
  DeviceId,
  Hash,
  Id,
  Instant,
  Name,
  Seconds,
  Suite,
  Sum,
  bytes,
  closed,
  nullable,
  oneOf,
} from "./schema.js";

const tag = "Household";
const ClientParams = Type.Object({ clientId: DeviceId });
const Nonce = bytes(16, "The client's nonce");
const Proof = bytes(16, "The client's proof");
const Slice = Type.String({ pattern: "^([0-9a-f]{2}){112,1300}$", description: "The client's part of the enabling block" });

const Request = { clientId: DeviceId, contentId: Id, nonce: Nonce, proof: Proof };

export const ClientBody = Type.Object({
  id: DeviceId,
  customerId: Id,
  licenseServerId: DeviceId,
  name: Type.String(),
  leaf: Type.Integer({ description: "Leaf of the key tree" }),
  registeredAt: Instant,
  removedAt: nullable(Instant),
});

export const addLicenseServer = route({
  method: "POST",
  url: "/v1/license-servers",
  access: "staff",
  tag,
  summary: "Take in a license server by the certificate of its signing key",
  body: closed({
    name: Name,
    chain: Chain,
    address: Type.String({ pattern: "^https?://[!-~]{1,200}$", description: "Where clients' terminals reach it" }),
  }),
  response: Type.Object({ id: DeviceId }),
});

export const listLicenseServers = route({
  method: "GET",
  url: "/v1/license-servers",
  access: "any",
  tag,
  summary: "List license servers with their public keys",
  response: Type.Array(Type.Object({ id: DeviceId, name: Type.String(), address: Type.String(), publicKey: bytes(32, "Ed25519 key") })),
});

export const registerClient = route({
  method: "POST",
  url: "/v1/clients",
  access: "staff",
  tag,
  summary: "Register a customer's client with a license server; it gets a leaf of the key tree",
  body: closed({ clientId: DeviceId, licenseServerId: DeviceId, name: Name }),
  response: ClientBody,
});

export const listClients = route({
  method: "GET",
  url: "/v1/customers/:customerId/clients",
  access: "customer",
  tag,
  summary: "A customer's clients, removed ones too; for the customer and the staff of the center",
  params: Type.Object({ customerId: Id }),
  response: Type.Array(ClientBody),
});

export const removeClient = route({
  method: "POST",
  url: "/v1/clients/:clientId/removal",
  access: "customer",
  tag,
  summary: "Remove a client from its owner's, who may do it too, and lock it out of everything that is issued from now on",
  params: ClientParams,
  body: closed({}),
  response: Type.Object({ epoch: Seconds }),
});

export const setHouseholdPrice = route({
  method: "PUT",
  url: "/v1/contents/:contentId/household-price",
  access: "staff",
  tag,
  summary: "Set what a license and what a copy certificate of this content cost, and whose revenue that is",
  params: Type.Object({ contentId: Id }),
  body: closed({ operatorId: Id, licensePrice: Amount, copyPrice: Amount }),
  response: Type.Object({ contentId: Id }),
});

const HouseholdBody = {
  contents: Type.Array(Type.Object({ clientId: DeviceId, contentId: Id, version: Type.Integer(), suite: Suite, downloadedAt: Instant })),
  licenses: Type.Array(Type.Object({ id: Id, contentId: Id, clientId: nullable(DeviceId), issuedAt: Instant })),
  moves: Type.Array(
    Type.Object({ useId: Id, licenseId: Id, sourceId: DeviceId, destinationId: DeviceId, outcome: Type.String(), at: Instant }),
  ),
  owed: Type.Array(Type.Object({ operatorId: Id, currency: Currency, amount: Sum })),
};

export const listHousehold = route({
  method: "GET",
  url: "/v1/customers/:customerId/household",
  access: "customer",
  tag,
  summary:
    "What a customer's clients have got and hold, the history of moves, and what is owed; for the customer and the staff of the center",
  params: Type.Object({ customerId: Id }),
  response: Type.Object(HouseholdBody),
});

export const ownHousehold = route({
  method: "GET",
  url: "/v1/household",
  access: "terminal",
  tag,
  summary: "The customer's own clients, removed ones too, and everything of the household",
  response: Type.Object({ customerId: Id, clients: Type.Array(ClientBody), ...HouseholdBody }),
});

/** What a client takes to be registered, or to learn that something about it has changed; sealed for it. */
export const RegistrationBody = {
  treeKeys: Type.Array(Type.String({ pattern: "^([0-9a-f]{2})+$" })),
  registration: bytes(113, "Registration sealed for the client"),
};

export const getRegistration = route({
  method: "GET",
  url: "/v1/clients/:clientId/registration",
  access: "server",
  tag,
  summary: "What a client takes to be registered, sealed for it",
  params: ClientParams,
  response: Type.Object(RegistrationBody),
});

export const supplyContent = route({
  method: "POST",
  url: "/v1/client-contents",
  access: "server",
  tag,
  summary: "Supply a content to a client that asks for it",
  body: closed({ ...Request, suite: Type.Optional(Suite) }),
  response: Type.Object({
    version: Type.Integer(),
    suite: Suite,
    header: bytes(48, "Stream header"),
    length: Type.Integer(),
    sha256: Hash,
    sampleRate: Type.Integer(),
    epoch: Seconds,
    slice: Slice,
  }),
});

export const issueLicense = route({
  method: "POST",
  url: "/v1/client-licenses",
  access: "server",
  tag,
  summary: "Issue a license to a registered client that has got the content",
  body: closed(Request),
  response: Type.Object({ licenseId: Id, license: bytes(212, "License sealed for the client"), epoch: Seconds, slice: Slice }),
});

export const completeLicense = route({
  method: "POST",
  url: "/v1/client-licenses/:licenseId/completion",
  access: "server",
  tag,
  summary: "Report that the client holds the license",
  params: Type.Object({ licenseId: Id }),
  body: closed({ clientId: DeviceId, proof: Proof }),
  response: Type.Object({ licenseId: Id }),
});

const MoveOutcome = oneOf(["granted", "source-not-legal", "license-not-held", "other-owner"]);
const Removed = bytes(28, "Conditions and the source's proof");

export const beginMove = route({
  method: "POST",
  url: "/v1/moves",
  access: "server",
  tag,
  summary: "Inquire whether a license may move to a client of this license server; the history keeps the outcome",
  body: closed({ licenseId: Id, sourceId: DeviceId, destinationId: DeviceId, nonce: Nonce, proof: Proof }),
  response: Type.Object({
    outcome: MoveOutcome,
    useId: Type.Optional(Id),
    order: Type.Optional(bytes(72, "Order for the source to remove its license")),
  }),
});

const MoveParams = Type.Object({ useId: Id });

export const sourceRemoved = route({
  method: "POST",
  url: "/v1/moves/:useId/removal",
  access: "server",
  tag,
  summary: "Report that the source has removed its license; the answer is the copy certificate to sign",
  params: MoveParams,
  body: closed({ removed: Removed }),
  response: Type.Object({ certificate: bytes(252, "Copy certificate, not signed") }),
});

export const certifyMove = route({
  method: "POST",
  url: "/v1/moves/:useId/certificate",
  access: "server",
  tag,
  summary: "Hand in the signed copy certificate; from now on the license is the destination's",
  params: MoveParams,
  body: closed({ certificate: bytes(316, "Copy certificate") }),
  response: Type.Object({
    certificate: bytes(316, "Copy certificate"),
    settlement: bytes(16, "For the source"),
    epoch: Seconds,
    slice: Slice,
  }),
});

export const redirectMove = route({
  method: "POST",
  url: "/v1/moves/:useId/redirection",
  access: "server",
  tag,
  summary: "Send a license that its source has removed to another client than was asked for, or back; until a copy certificate is made",
  params: MoveParams,
  body: closed({ destinationId: DeviceId, removed: Removed }),
  response: Type.Object({ outcome: MoveOutcome, useId: Type.Optional(Id) }),
});

export const completeMove = route({
  method: "POST",
  url: "/v1/moves/:useId/completion",
  access: "server",
  tag,
  summary: "Report that the destination holds the license",
  params: MoveParams,
  body: closed({ proof: Proof }),
  response: Type.Object({ useId: Id }),
});
