/** Every vector of docs/vectors/format.json computed again from docs/format.md alone, with Node's own cryptography. */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  timingSafeEqual,
  verify,
  type KeyObject,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32 } from "../../src/core/hash/crc32.js";
import * as assert from "uvu/assert";
import { FORMAT_VECTORS, formatText } from "../../scripts/docs/format.js";
import { suite } from "../suite.js";

const test = suite("records in docs/format.md");
const text = readFileSync(FORMAT_VECTORS, "utf8");
const page = readFileSync(new URL("../../docs/format.md", import.meta.url), "utf8");
const vectors = JSON.parse(text) as Record<string, Record<string, string | number>>;

type Bytes = Buffer<ArrayBuffer>;
const bytes = (section: string, name: string): Bytes => {
  const value = vectors[section][name];
  assert.type(value, "string", `${section}: ${name}`);
  return Buffer.from(value as string, "hex");
};
const number = (section: string, name: string): number => Number(vectors[section][name]);
const sha256 = (...parts: Uint8Array[]): Bytes => createHash("sha256").update(Buffer.concat(parts)).digest();
const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Bytes => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
const u32 = (value: number): Bytes => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
};
const byte = (value: number): Uint8Array => Uint8Array.of(value);
const none = Buffer.alloc(0);

/** Opens a sealed message by the section "Seal"; throws when its tag is wrong. */
function open(key: Uint8Array, associated: Uint8Array, sealed: Bytes): Bytes {
  const tag = sealed.subarray(0, 16);
  const blocks = Array.from({ length: Math.ceil((sealed.length - 16) / 32) }, (_, i) => hmac(key, byte(2), tag, u32(i)));
  const stream = Buffer.concat(blocks);
  const plain = Buffer.from(sealed.subarray(16).map((one, i) => one ^ stream[i]));
  assert.ok(timingSafeEqual(tag, hmac(key, byte(1), u32(associated.length), associated, plain).subarray(0, 16)), "the tag is right");
  return plain;
}

const use = (deviceKey: Uint8Array, label: number): Bytes => hmac(deviceKey, byte(label));
const proof = (deviceKey: Uint8Array, kind: number, ...parts: Uint8Array[]): Bytes =>
  hmac(use(deviceKey, 3), byte(kind), ...parts).subarray(0, 16);
const message = (deviceKey: Uint8Array, label: number, kind: number, id: Uint8Array, challenge: Uint8Array, sealed: Bytes): Bytes =>
  open(use(deviceKey, label), Buffer.concat([byte(kind), id, challenge]), sealed);

const key = (der: string, raw: Uint8Array, secret: boolean): KeyObject => {
  const encoded = Buffer.concat([Buffer.from(der, "hex"), raw]);
  return secret
    ? createPrivateKey({ key: encoded, format: "der", type: "pkcs8" })
    : createPublicKey({ key: encoded, format: "der", type: "spki" });
};
const ed25519Public = (raw: Uint8Array): KeyObject => key("302a300506032b6570032100", raw, false);
const ed25519Secret = (raw: Uint8Array): KeyObject => key("302e020100300506032b657004220420", raw, true);
const x25519Public = (raw: Uint8Array): KeyObject => key("302a300506032b656e032100", raw, false);
const x25519Secret = (raw: Uint8Array): KeyObject => key("302e020100300506032b656e04220420", raw, true);
const raw = (secret: KeyObject): Bytes => Buffer.from(createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(12));

const cardKey = bytes("license", "cardKey");
const cardId = bytes("license", "cardId");
const cartridgeKey = bytes("key load", "cartridgeKey");
const cartridgeId = bytes("envelope", "cartridgeId");
const terms = bytes("terms", "terms");
const loanId = bytes("loan key", "loanId");
const contentId = bytes("envelope", "header").subarray(8, 24);

test("the published file is what the code makes", () => {
  assert.is(formatText(), text);
});

test("tables have no gaps, and lengths are as said", () => {
  let total = 0;
  let tables = 0;
  const checked: number[] = [];
  for (const line of page.split("\n")) {
    const cells = /^\| (\d+) \| (\d+) \|/.exec(line);
    const said = /^(\d+) bytes/.exec(line);
    if (cells) {
      if (Number(cells[1]) === 0) {
        total = 0;
        tables++;
      }
      assert.is(Number(cells[1]), total, line);
      total += Number(cells[2]);
    } else if (said && /^\d+ bytes\.( |$)/.test(line)) {
      assert.is(total, Number(said[1]), line);
      checked.push(total);
    } else if (said && /^\d+ bytes sealed/.test(line)) {
      assert.is(total + 16, Number(said[1]), line);
      checked.push(total);
    }
  }
  assert.ok(tables >= 12);
  assert.equal(checked, [128, 48, 220, 256, 116, 24, 60, 102, 437, 141]);
});

test("device key and its uses", () => {
  const deviceKey = bytes("device key", "deviceKey");
  const labels = ["license wrap", "ticket", "receipt", "load", "contract", "journal", "rotation", "period", "copy", "terms"];
  labels.forEach((name, i) => {
    assert.equal(use(deviceKey, i + 1), bytes("device key", name), name);
    assert.match(page, new RegExp(`\\n\\| ${String(i + 1)} \\| ${name}`));
  });
  const info = Buffer.concat([
    byte(number("device key", "role")),
    bytes("device key", "deviceId"),
    u32(number("device key", "generation")),
  ]);
  const derived = hkdfSync("sha256", bytes("device key", "master"), "leyden device key", info, 32);
  assert.equal(Buffer.from(derived), deviceKey);
});

test("certificate", () => {
  const root = bytes("certificate", "rootPublicKey");
  assert.equal(raw(ed25519Secret(bytes("certificate", "rootSeed"))), root);
  const issuer = bytes("certificate", "issuerCertificate");
  const certificate = bytes("certificate", "certificate");
  const signed = (one: Bytes, by: Uint8Array): boolean =>
    verify(null, Buffer.concat([Buffer.from("leyden certificate"), one.subarray(0, 64)]), ed25519Public(by), one.subarray(64));
  assert.ok(signed(issuer, root));
  assert.ok(signed(certificate, issuer.subarray(32, 64)));
  assert.equal(issuer.subarray(32, 64), raw(ed25519Secret(bytes("certificate", "issuerSeed"))));
  assert.equal([...issuer.subarray(0, 3)], [1, 2, 7]);
  assert.equal([...certificate.subarray(0, 4)], [1, 1, 1, 2]);
  assert.equal(issuer.subarray(12, 20), sha256(root).subarray(0, 8));
  assert.equal(certificate.subarray(12, 20), sha256(issuer.subarray(32, 64)).subarray(0, 8));
  assert.equal(certificate.subarray(32, 64), raw(x25519Secret(bytes("certificate", "privateKey"))));
});

test("terms", () => {
  assert.is(terms.length, 48);
  assert.equal([...terms.subarray(0, 4)], [1, 3, 0, 2]);
  assert.equal(
    [4, 8, 12, 20, 24, 28].map((at) => terms.readUInt32BE(at)),
    [604_800, 1_800_000_000, 1_800_604_800, 172_800, 36_000, 250],
  );
  assert.is(terms.readUInt16BE(16), 3);
});

test("loan key and license", () => {
  const shareB = bytes("loan key", "shareB");
  assert.equal(hmac(bytes("loan key", "shareA"), byte(41), shareB, loanId), bytes("loan key", "loanKey"));
  const license = bytes("license", "license");
  const record = bytes("license", "record");
  const wrapping = hmac(use(cardKey, 1), cardId, license.subarray(4, 20), u32(1));
  assert.equal(wrapping, bytes("license", "wrappingKey"));
  assert.equal(open(wrapping, record.subarray(0, 20), record.subarray(20)), license);
  assert.equal(record.subarray(0, 20), license.subarray(0, 20));
  assert.equal(license.subarray(112, 128), hmac(use(cardKey, 10), license.subarray(4, 112)).subarray(0, 16));
  assert.equal(license.subarray(20, 108), Buffer.concat([loanId, contentId, cartridgeId, terms]));
  assert.equal(license.subarray(188), shareB);
});

test("contract, issue and revocation", () => {
  const nonce = bytes("contract", "nonce");
  const license = bytes("license", "license");
  const licenseId = license.subarray(4, 20);
  const contract = message(cardKey, 5, 6, cardId, none, bytes("contract", "contract"));
  assert.equal(contract, Buffer.concat([nonce, loanId, contentId, cartridgeId, terms]));
  const issued = message(cardKey, 5, 7, cardId, nonce, bytes("contract", "license"));
  assert.equal(issued, Buffer.concat([license.subarray(4, 128), license.subarray(188)]));
  assert.equal(message(cardKey, 5, 9, cardId, none, bytes("contract", "revocation")), Buffer.concat([licenseId, nonce]));
  assert.equal(bytes("contract", "completion"), proof(cardKey, 8, licenseId, nonce));
  assert.equal(bytes("contract", "revoked"), proof(cardKey, 10, licenseId, nonce));
  for (const [name, length] of [
    ["contract", 120],
    ["license", 172],
    ["revocation", 48],
  ] as const)
    assert.is(bytes("contract", name).length, length);
});

test("loan envelope", () => {
  const associated = Buffer.concat([
    sha256(bytes("envelope", "header")),
    loanId,
    cartridgeId,
    terms,
    u32(number("envelope", "sealedLength")),
    u32(number("envelope", "rate")),
  ]);
  assert.is(associated.length, 112);
  assert.equal(open(bytes("loan key", "loanKey"), associated, bytes("envelope", "envelope")), bytes("envelope", "titleKey"));
});

test("adverts on a cartridge", () => {
  const section = bytes("adverts", "section");
  const length = section.readUInt16BE(2);
  assert.equal([section[0], section[1]], [1, 2]);
  assert.ok(section.subarray(length, 512).every((one) => one === 0));
  const proven = hmac(bytes("loan key", "loanKey"), byte(43), section.subarray(0, 4), section.subarray(20, length));
  assert.equal(section.subarray(4, 20), proven.subarray(0, 16));
  const areas: unknown[] = [];
  let at = 20;
  for (; areas.length < section[1]; at += 1 + section[at]) {
    const area = section.subarray(at + 1, at + 1 + section[at]);
    areas.push([area.subarray(0, 8).toString("hex"), [...area.subarray(8, 12)], area.subarray(12).toString("latin1")]);
  }
  assert.equal(areas, [
    ["a1a2a3a4a5a6a7a8", [0, 0, 100, 255], "https://ads.example.com/a"],
    ["a1a2a3a4a5a6a7a8", [128, 0, 228, 255], "https://ads.example.com/b"],
  ]);
  let picture = 512;
  for (const [name, id, type] of [
    ["pictureA", "a1a2a3a4a5a6a7a8", 1],
    ["pictureB", "b1b2b3b4b5b6b7b8", 4],
  ] as const) {
    const expected = bytes("adverts", name);
    assert.is(section.subarray(at, at + 8).toString("hex"), id);
    assert.is(section[at + 8], type);
    assert.is(section.readUInt32BE(at + 9), expected.length);
    assert.equal(section.subarray(at + 13, at + 45), sha256(expected));
    assert.equal(section.subarray(picture, picture + expected.length), expected);
    at += 45;
    picture += expected.length;
  }
  assert.equal([at, picture], [length, section.length]);
});

test("key load, activation and receipt", () => {
  const challenge = bytes("key load", "challenge");
  const counter = u32(number("key load", "counter"));
  const load = message(cartridgeKey, 4, 1, cartridgeId, challenge, bytes("key load", "keyLoad"));
  assert.equal(load, Buffer.concat([counter, loanId, contentId, terms, bytes("loan key", "shareA")]));
  assert.equal(bytes("key load", "held"), proof(cartridgeKey, 3, loanId, challenge, counter));
  const activation = message(cartridgeKey, 4, 2, cartridgeId, challenge, bytes("activation", "activation"));
  assert.equal(activation, Buffer.concat([loanId, counter, u32(number("activation", "time"))]));
  const receipt = bytes("receipt", "receipt");
  assert.equal(receipt.subarray(44), proof(cartridgeKey, 4, receipt.subarray(0, 44)));
  assert.equal(receipt.subarray(0, 32), Buffer.concat([Uint8Array.of(1, 1, 0, 0), cartridgeId, loanId, counter]));
  assert.equal(bytes("receipt", "acknowledgement"), proof(cartridgeKey, 5, loanId, counter));
});

test("tickets, and the list of revoked devices", () => {
  const readerKey = bytes("ticket", "readerKey");
  const readerId = bytes("ticket", "readerId");
  const certificates = [bytes("ticket", "cardCertificate"), bytes("ticket", "readerCertificate")].map((one) => sha256(one).subarray(0, 16));
  const common = [bytes("ticket", "pairId"), bytes("ticket", "secret")];
  const names = [Buffer.concat([cardId, byte(1)]), Buffer.concat([readerId, byte(3)])];
  const head = (serial: number): Bytes => Buffer.concat([u32(serial), u32(1_800_003_600), u32(1)]);
  assert.equal(
    message(cardKey, 2, 16, cardId, none, bytes("ticket", "cardTicket")),
    Buffer.concat([head(5), names[0], names[1], certificates[0], certificates[1], ...common]),
  );
  assert.equal(
    message(readerKey, 2, 16, readerId, none, bytes("ticket", "readerTicket")),
    Buffer.concat([head(6), names[1], names[0], certificates[1], certificates[0], ...common]),
  );
  const list = message(cardKey, 2, 112, cardId, none, bytes("revoked devices", "list"));
  assert.equal(list, Buffer.concat([u32(2), cartridgeId, readerId]));
});

test("personalization, rotation and identity", () => {
  const sealed = bytes("personalization", "personalization");
  const ephemeral = x25519Secret(bytes("personalization", "ephemeralPrivateKey"));
  const own = x25519Secret(bytes("personalization", "devicePrivateKey"));
  assert.equal(sealed.subarray(0, 32), raw(ephemeral));
  const shared = diffieHellman({ privateKey: own, publicKey: x25519Public(sealed.subarray(0, 32)) });
  const plain = open(hmac(shared, byte(40)), sealed.subarray(0, 32), sealed.subarray(32));
  assert.is(sealed.length, 485);
  assert.equal(plain.subarray(0, 13), Buffer.concat([cardId, byte(1), u32(1)]));
  assert.equal(plain.subarray(13, 45), cardKey);
  assert.equal(plain.subarray(45, 77), bytes("certificate", "rootPublicKey"));
  assert.equal(plain.subarray(149, 405), Buffer.concat([bytes("certificate", "certificate"), bytes("certificate", "issuerCertificate")]));
  assert.ok(plain.subarray(405).every((one) => one === 0));
  const identity = bytes("identity record", "identity");
  assert.equal(identity, Buffer.concat([plain.subarray(0, 13), bytes("personalization", "devicePrivateKey"), plain.subarray(13, 109)]));
  const rotation = message(cardKey, 7, 20, cardId, none, bytes("rotation", "rotation"));
  const newKey = bytes("rotation", "newKey");
  const generation = u32(number("rotation", "generation"));
  assert.is(bytes("rotation", "rotation").length, 372);
  assert.equal(rotation, Buffer.concat([generation, newKey, plain.subarray(45, 109), plain.subarray(149, 405)]));
  assert.equal(bytes("rotation", "proof"), hmac(use(newKey, 3), byte(24), generation).subarray(0, 16));
});

test("journal record", () => {
  const record = bytes("journal record", "record");
  const header = bytes("journal record", "header");
  const end = 8 + record.readUInt16BE(6);
  assert.equal([...record.subarray(4, 6)], [number("journal record", "type"), number("journal record", "index")]);
  assert.equal(use(cardKey, 6), bytes("journal record", "journalKey"));
  assert.equal(record.subarray(end, end + 8), hmac(bytes("journal record", "journalKey"), record.subarray(0, end)).subarray(0, 8));
  assert.is(record.readUInt32BE(end + 8), crc32(record.subarray(0, end + 8)));
  assert.is(record.length % 16, 0);
  assert.ok(record.subarray(end + 12).every((one) => one === 255));
  assert.is(header.readUInt32BE(12), crc32(header.subarray(0, 12)));
});

test.run();
