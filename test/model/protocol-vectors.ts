/** Every message of the protocol with what it is made from, from fixed keys: `docs/vectors/protocol.json`. */
import { createHash } from "node:crypto";
import { Authority, type DeviceReference, type LoanReference } from "../../src/center/keys/authority.js";
import { ClientAuthority, signCopyCertificate } from "../../src/center/keys/client-authority.js";
import { clientKeys, mediaKey } from "../../src/center/tree/keys.js";
import { issueCertificate, issueIssuer, signingKey } from "../../src/center/keys/certificates.js";
import { MemoryKeyProvider } from "../../src/center/keys/provider.js";
import { x25519Base } from "../../src/core/curve/curve.js";
import { CUSTODY_SPLIT, MESSAGE_LENGTH, ROLE_CARD, ROLE_CARTRIDGE, ROLE_CLIENT, ROLE_READER } from "../../src/core/protocol/constants.js";
import { createHandshake, handshakeBegin, handshakeStep, prepareEphemeral, type Handshake } from "../../src/core/protocol/handshake.js";
import { KEY_CONTRACT, KEY_LOAD, KEY_TICKET, derive } from "../../src/core/protocol/derive.js";
import { LICENSE_LENGTH, LICENSE_RECORD, licenseMac, licenseWrappingKey, sealLicense } from "../../src/core/protocol/license.js";
import {
  MESSAGE_COMPLETION,
  MESSAGE_CONTRACT,
  MESSAGE_HELD,
  MESSAGE_RECEIPT,
  MESSAGE_REVOKED,
  MESSAGE_ROTATED,
  prove,
  sealFor,
} from "../../src/core/protocol/loan.js";
import {
  MESSAGE_LICENSE_HELD,
  MESSAGE_LICENSE_REMOVED,
  MESSAGE_LICENSE_REQUEST,
  MESSAGE_MOVE_REQUEST,
  MESSAGE_PERIOD_ENDED,
  MESSAGE_PERIOD_HELD,
} from "../../src/core/protocol/client.js";
import { SCHEME_COMPLETE_SUBTREE } from "../../src/core/tree/tree.js";
import { createChannel, sealMessage } from "../../src/core/protocol/session.js";
import { HostParty, hex } from "../../src/host/party.js";
import { encodeTerms } from "../../src/kiosk/rental.js";

export const VECTORS_FILE = new URL("../../docs/vectors/protocol.json", import.meta.url);

const NOW = 1_767_225_600;
const none = new Uint8Array(0);

/** Bytes that are different for every label, and always the same. */
function fixed(label: string, length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let block = 0; parts.length * 32 < length; block++)
    parts.push(
      createHash("sha256")
        .update(`leyden vectors ${label} ${String(block)}`)
        .digest(),
    );
  return Uint8Array.from(Buffer.concat(parts).subarray(0, length));
}

function source(label: string): (length: number) => Uint8Array {
  let drawn = 0;
  return (length) => fixed(`${label} ${String(++drawn)}`, length);
}

type Vectors = Record<string, Record<string, string | number>>;

function party(
  name: string,
  role: number,
  root: ReturnType<typeof signingKey>,
  issuer: ReturnType<typeof signingKey>,
  issuerCertificate: Uint8Array,
): HostParty {
  const privateKey = fixed(`${name} private key`, 32);
  const publicKey = new Uint8Array(32);
  const id = fixed(`${name} id`, 8);
  x25519Base(publicKey, privateKey);
  const certificate = issueCertificate(issuer, {
    role,
    suites: 3,
    subject: id,
    serial: role,
    notBefore: NOW - 86_400,
    notAfter: NOW + 86_400_000,
    publicKey,
  });
  const draw = source(`${name} random`);
  return new HostParty({
    id,
    role,
    privateKey,
    chain: Uint8Array.from([...certificate, ...issuerCertificate]),
    roots: root.publicKey,
    epoch: 1,
    time: () => NOW,
    random: (out) => {
      out.set(draw(out.length));
    },
  });
}

/** Plays one handshake; `messages` receives each message by its name. */
function handshake(
  initiator: Handshake,
  responder: Handshake,
  context: Uint8Array,
  role: number,
  pair: { pairId: Uint8Array; generation: number } | null,
  messages: Record<string, string | number>,
): void {
  const buffer = new Uint8Array(MESSAGE_LENGTH);
  let length = 0;
  const next = (answer: number): void => {
    length = answer;
  };
  prepareEphemeral(initiator, () => undefined);
  length = handshakeBegin(initiator, buffer, context, role, pair?.pairId ?? null, pair?.generation ?? 0);
  for (let step = 1; step <= 3; step++) {
    messages[`${String(step)} to responder`] = hex(buffer.subarray(0, length));
    handshakeStep(responder, buffer, length, next);
    if (length < 0) throw new Error(`the responder refused with ${String(length)}`);
    messages[`${String(step)} to initiator`] = hex(buffer.subarray(0, length));
    handshakeStep(initiator, buffer, length, next);
    if (length < 0) throw new Error(`the initiator refused with ${String(length)}`);
    if (initiator.step === 0) return;
  }
}

export function makeVectors(): Vectors {
  const root = signingKey(fixed("root", 32));
  const keys = new MemoryKeyProvider(fixed("center", 32));
  const issuer = signingKey(keys.issuerSeed());
  const issuerCertificate = issueIssuer(root, issuer, 1, NOW - 86_400, NOW + 86_400_000);
  const authority = new Authority(keys, source("authority"));
  const reader = party("reader", ROLE_READER, root, issuer, issuerCertificate);
  const card = party("card", ROLE_CARD, root, issuer, issuerCertificate);
  const cartridgeId = fixed("cartridge id", 8);
  const vectors: Vectors = {};
  vectors.certificates = {
    "root public key": hex(root.publicKey),
    "issuer certificate": hex(issuerCertificate),
    "card private key": hex(card.privateKey),
    "card certificate": hex(card.chain.subarray(0, 128)),
    "reader private key": hex(reader.privateKey),
    "reader certificate": hex(reader.chain.subarray(0, 128)),
  };

  const loanId = fixed("loan id", 16);
  const one = createHandshake(reader, createChannel());
  const other = createHandshake(card, createChannel());
  vectors["authentication by certificates"] = { context: hex(loanId) };
  prepareEphemeral(one, () => undefined);
  prepareEphemeral(other, () => undefined);
  Object.assign(vectors["authentication by certificates"], {
    "initiator ephemeral private key": hex(one.ephemeral),
    "responder ephemeral private key": hex(other.ephemeral),
  });
  handshake(one, other, loanId, ROLE_CARD, null, vectors["authentication by certificates"]);
  Object.assign(vectors["authentication by certificates"], {
    "key initiator to responder": hex(one.channel.sendKey),
    "key responder to initiator": hex(one.channel.receiveKey),
  });
  const pair = reader.pairWith(card.id);
  if (!pair) throw new Error("the two have met and share no pair");
  const secret = new Uint8Array(32);
  reader.findPair(pair.pairId, 0, secret, new Uint8Array(9));
  vectors["authentication by a pair"] = { "pair id": hex(pair.pairId), "pair secret": hex(secret) };
  handshake(one, other, loanId, ROLE_CARD, pair, vectors["authentication by a pair"]);
  Object.assign(vectors["authentication by a pair"], {
    "key initiator to responder": hex(one.channel.sendKey),
    "key responder to initiator": hex(one.channel.receiveKey),
  });
  const header = Uint8Array.of(0x8c, 0x20, 0, 0);
  const message = new Uint8Array(16 + 5);
  message.set([1, 2, 3, 4, 5], 16);
  sealMessage(one.channel, header, message);
  vectors["session message"] = { header: hex(header), counter: 0, plain: "0102030405", sealed: hex(message) };

  const device = (role: number, id: Uint8Array): DeviceReference => ({ role, id, generation: 1 });
  const cardDevice = device(ROLE_CARD, card.id);
  const cartridge = device(ROLE_CARTRIDGE, cartridgeId);
  const cardKey = keys.deviceKey(ROLE_CARD, card.id, 1);
  const cartridgeKey = keys.deviceKey(ROLE_CARTRIDGE, cartridgeId, 1);
  const subkey = (key: Uint8Array, purpose: number): string => {
    const out = new Uint8Array(32);
    derive(out, key, purpose, none);
    return hex(out);
  };
  vectors["device keys"] = {
    card: hex(cardKey),
    cartridge: hex(cartridgeKey),
    "card contract key": subkey(cardKey, KEY_CONTRACT),
    "card ticket key": subkey(cardKey, KEY_TICKET),
    "cartridge key-load key": subkey(cartridgeKey, KEY_LOAD),
  };

  const cardPublic = card.chain.slice(32, 64);
  const roots = new Uint8Array(64);
  roots.set(root.publicKey);
  vectors.personalization = {
    "device public key": hex(cardPublic),
    sealed: hex(authority.sealPersonalization(cardDevice, cardPublic, { roots, floor: NOW, epoch: 1, chain: card.chain })),
  };
  const introduced = authority.introduce(
    [cardDevice, device(ROLE_READER, reader.id)],
    [card.chain.slice(0, 128), reader.chain.slice(0, 128)],
    [7, 9],
    NOW + 604_800,
    1,
  );
  vectors.introduction = {
    "pair id": hex(introduced.pairId),
    secret: hex(introduced.secret),
    "ticket for the card": hex(introduced.tickets[0]),
    "ticket for the reader": hex(introduced.tickets[1]),
    "revoked list for the card, epoch 2": hex(authority.sealRevoked(cardDevice, 2, [fixed("lost reader", 8)])),
  };

  const terms = encodeTerms({
    custody: CUSTODY_SPLIT,
    duration: 604_800,
    kioskId: fixed("kiosk id", 8),
    plays: 5,
    notAfter: NOW + 1_000_000,
  });
  const loan: LoanReference = { loanId, contentId: fixed("content id", 16), terms };
  const nonce = fixed("card nonce", 16);
  const licenseId = fixed("license id", 16);
  const contract = Uint8Array.from([...loan.loanId, ...loan.contentId, ...cartridgeId, ...terms]);
  const sealedContract = new Uint8Array(32 + contract.length);
  const parts = authority.makeLoanKey(loan, fixed("loan seed", 32));
  sealFor(sealedContract, cardKey, KEY_CONTRACT, MESSAGE_CONTRACT, card.id, none, Uint8Array.from([...nonce, ...contract]));
  const proof = (key: Uint8Array, kind: number, of: Uint8Array): string => {
    const out = new Uint8Array(16);
    prove(out, key, kind, of);
    return hex(out);
  };
  vectors.contract = {
    terms: hex(terms),
    contract: hex(contract),
    nonce: hex(nonce),
    "sealed contract": hex(sealedContract),
    "sealed license": hex(authority.sealLicense(cardDevice, licenseId, nonce, contract, NOW, parts.cardPart)),
    completion: proof(cardKey, MESSAGE_COMPLETION, Uint8Array.from([...licenseId, ...nonce])),
    revocation: hex(authority.sealRevocation(cardDevice, licenseId, nonce)),
    revoked: proof(cardKey, MESSAGE_REVOKED, Uint8Array.from([...licenseId, ...nonce])),
  };

  const license = new Uint8Array(LICENSE_LENGTH);
  license[3] = 1;
  license.set(licenseId, 4);
  license.set(contract, 20);
  new DataView(license.buffer).setUint32(108, NOW);
  licenseMac(license.subarray(112, 128), cardKey, license);
  license.set(parts.cardPart, 188);
  const wrapping = new Uint8Array(32);
  const record = new Uint8Array(LICENSE_RECORD);
  licenseWrappingKey(wrapping, cardKey, card.id, licenseId, 1);
  sealLicense(record, wrapping, license);
  vectors.license = { clear: hex(license), "wrapping key of version 1": hex(wrapping), record: hex(record) };

  const challenge = fixed("cartridge challenge", 16);
  const counter = Uint8Array.of(0, 0, 0, 3);
  const streamHeader = fixed("stream header", 48);
  const titleKey = fixed("title key", 32);
  vectors["key load"] = {
    challenge: hex(challenge),
    "share A": hex(parts.cartridgePart),
    "share B": hex(parts.cardPart),
    "loan key": hex(parts.loanKey),
    "key load": hex(authority.sealKeyLoad(cartridge, loan, 3, challenge, parts.cartridgePart)),
    held: proof(cartridgeKey, MESSAGE_HELD, Uint8Array.from([...loanId, ...challenge, ...counter])),
    activation: hex(authority.sealActivation(cartridge, loanId, 3, challenge, NOW)),
    "stream header": hex(streamHeader),
    "title key": hex(titleKey),
    "envelope, 4096 bytes, rate 8000": hex(authority.sealEnvelope(loan, cartridgeId, parts.loanKey, titleKey, streamHeader, 4096, 8000)),
  };

  const receipt = new Uint8Array(60);
  receipt.set([1, 1, 0, 0]);
  receipt.set(cartridgeId, 4);
  receipt.set(loanId, 12);
  receipt.set(counter, 28);
  new DataView(receipt.buffer).setUint32(32, 604_790);
  new DataView(receipt.buffer).setUint32(36, 604_790);
  new DataView(receipt.buffer).setUint32(40, NOW);
  receipt.set(Buffer.from(proof(cartridgeKey, MESSAGE_RECEIPT, receipt.slice(0, 44)), "hex"), 44);
  if (!authority.openReceipt(cartridge, receipt)) throw new Error("the receipt is not genuine");
  vectors.receipt = { receipt: hex(receipt), acknowledgement: hex(authority.acknowledge(cartridge, loanId, 3)) };
  keys.rotateMaster();
  const newKey = keys.deviceKey(ROLE_CARD, card.id, 2);
  vectors.rotation = {
    "device key of generation 2": hex(newKey),
    rotation: hex(authority.sealRotation(cardDevice, 2, roots, card.chain)),
    proof: proof(newKey, MESSAGE_ROTATED, Uint8Array.of(0, 0, 0, 2)),
  };
  vectors.client = clientVectors(keys);
  return vectors;
}

/** Messages between servers and a client. */
function clientVectors(keys: MemoryKeyProvider): Record<string, string | number> {
  const authority = new ClientAuthority(keys);
  const client: DeviceReference = { role: ROLE_CLIENT, id: fixed("client id", 8), generation: 1 };
  const deviceKey = keys.deviceKey(ROLE_CLIENT, client.id, 1);
  const proof = (kind: number, ...parts: Uint8Array[]): string => {
    const out = new Uint8Array(16);
    prove(out, deviceKey, kind, Uint8Array.from(Buffer.concat(parts)));
    return hex(out);
  };
  const content = { header: fixed("stream header", 48), sealedLength: 4096, rate: 8000 };
  const contentId = fixed("content id", 16);
  const period = { orderId: fixed("order id", 16), contentId, start: NOW, end: NOW + 86_400 };
  const periodKey = fixed("period key", 32);
  const titleKey = fixed("title key", 32);
  const nonce = fixed("client nonce", 16);
  const licenseId = fixed("client license id", 16);
  const useId = fixed("use id", 16);
  const destination = fixed("destination id", 8);
  const receipt = new Uint8Array(36);
  receipt.set([1, 1, 0, 2]);
  receipt.set(period.orderId, 4);
  receipt.set(client.id, 20);
  new DataView(receipt.buffer).setUint32(28, period.end);
  new DataView(receipt.buffer).setUint32(32, period.end);
  const server = signingKey(fixed("license server", 32));
  const tree = { id: fixed("tree id", 8), scheme: SCHEME_COMPLETE_SUBTREE, depth: 20, master: fixed("tree master", 32) } as const;
  const registered = authority.register(client, {
    serial: 1,
    server: { id: fixed("license server id", 8), publicKey: server.publicKey },
    tree: { keys: clientKeys(tree, 77), signer: signingKey(fixed("tree signer", 32)).publicKey },
  });
  const grant = { terms: encodeTerms({ custody: 1, duration: 0, kioskId: new Uint8Array(8), plays: 3 }), issued: NOW };
  const conditions = new Uint8Array(12);
  conditions[1] = 1;
  const granted = {
    licenseKey: fixed("license key", 32),
    mediaKey: mediaKey(tree, 4, new Uint8Array(16)),
    epoch: 4,
    titleKey,
  };
  const certificate = authority.sealCopyCertificate(
    client,
    {
      server: fixed("license server id", 8),
      source: destination,
      destination: client.id,
      license: licenseId,
      content: contentId,
      use: useId,
      serial: 1,
      issued: NOW,
      expiry: NOW + 86_400,
    },
    { ...grant, conditions },
    granted,
    content,
  );
  return {
    "device key": hex(deviceKey),
    id: hex(client.id),
    "time nonce": hex(nonce),
    "time statement": hex(authority.stateTime(client, nonce, NOW)),
    "order id": hex(period.orderId),
    "content id": hex(contentId),
    "period key": hex(periodKey),
    "sealed period key": hex(authority.sealPeriodKey(client, period, periodKey)),
    held: proof(MESSAGE_PERIOD_HELD, period.orderId),
    "stream header": hex(content.header),
    "title key": hex(titleKey),
    "order's envelope, 4096 bytes, rate 8000": hex(authority.sealOrderEnvelope(client, period, periodKey, content, titleKey)),
    receipt: hex(receipt) + proof(MESSAGE_PERIOD_ENDED, receipt),
    "settlement of the order": hex(authority.settle(client, period.orderId)),
    registration: hex(registered.registration),
    "tree keys, part 1": hex(registered.treeKeys[0]),
    "tree keys, part 2": hex(registered.treeKeys[1]),
    "tree keys, part 3": hex(registered.treeKeys[2]),
    "license id": hex(licenseId),
    "license key": hex(granted.licenseKey),
    "media key": hex(granted.mediaKey),
    nonce: hex(nonce),
    "license request": proof(MESSAGE_LICENSE_REQUEST, contentId, nonce),
    license: hex(
      authority.sealClientLicense(client, licenseId, contentId, nonce, { ...grant, conditions: new Uint8Array(12) }, granted, content),
    ),
    "license held": proof(MESSAGE_LICENSE_HELD, licenseId, nonce),
    destination: hex(destination),
    "use id": hex(useId),
    "move request": proof(MESSAGE_MOVE_REQUEST, licenseId, destination, nonce),
    "move order": hex(authority.sealMove(client, licenseId, destination, nonce, useId)),
    removed: hex(conditions) + proof(MESSAGE_LICENSE_REMOVED, licenseId, useId, conditions),
    "license server's seed": hex(server.seed),
    "copy certificate": hex(signCopyCertificate(server.seed, certificate)),
  };
}

export function vectorsText(vectors: Vectors): string {
  return `${JSON.stringify(vectors, null, 2)}\n`;
}
