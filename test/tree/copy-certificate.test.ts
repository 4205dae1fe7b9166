import fc from "../generate.js";
import * as assert from "uvu/assert";
import { get32, put32 } from "../../src/core/bytes.js";
import {
  COPY_CERTIFICATE_MAX,
  COPY_CONTEXT,
  COPY_EXPIRED,
  COPY_LICENSE_MAX,
  COPY_MALFORMED,
  COPY_OK,
  COPY_OTHER_CLIENT,
  COPY_OTHER_CONTENT,
  COPY_OTHER_SERVER,
  COPY_SEAL,
  COPY_SERIAL,
  COPY_SIGNATURE,
  COPY_USED,
  COPY_WINDOW_LENGTH,
  copyLicenseLength,
  copyUse,
  copyUsed,
  copyVerifyStart,
  copyVerifyStep,
  openCopyLicense,
  writeCopyCertificate,
} from "../../src/core/protocol/copy-certificate.js";
import type { CopyFields } from "../../src/core/protocol/copy-certificate.js";
import { suite } from "../suite.js";
import { signerOf } from "./tools.js";

const test = suite("copy certificates");
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);
const server = signerOf(bytes(32, 1));
const otherServer = signerOf(bytes(32, 2));
const deviceKey = bytes(32, 0x33);
const license = bytes(17, 0x44);
const fields: CopyFields = {
  server: bytes(8, 0xa1),
  source: bytes(8, 0xa2),
  destination: bytes(8, 0xa3),
  license: bytes(16, 0xa4),
  content: bytes(16, 0xa5),
  use: bytes(16, 0xa6),
  serial: 9,
  issued: 1000,
  expiry: 2000,
};

async function issue(
  changes: Partial<CopyFields> = {},
  signer = server,
  text = license,
  key = deviceKey,
  reserved = 0,
): Promise<Uint8Array> {
  const out = new Uint8Array(COPY_CERTIFICATE_MAX + 1);
  const end = writeCopyCertificate(out, { ...fields, ...changes }, key, text);
  out[1] = reserved;
  const signature = await signer.sign(Buffer.concat([COPY_CONTEXT, out.subarray(0, end)]));
  out.set(signature, end);
  return out.slice(0, end + 64);
}

/** The whole check of a destination: the license, or the status that refuses. */
function take(
  certificate: Uint8Array,
  { time = 1500, window = new Uint8Array(COPY_WINDOW_LENGTH), key = deviceKey, client = fields.destination } = {},
): Uint8Array | number {
  const started = copyVerifyStart(certificate, client, fields.server, server.publicKey, fields.content, time, window);
  if (started !== COPY_OK) return started;
  let verified = 0;
  while (verified === 0) verified = copyVerifyStep();
  if (verified !== 1) return verified;
  const out = bytes(copyLicenseLength(certificate), 0xee);
  const opened = openCopyLicense(out, certificate, key);
  if (opened === COPY_OK) return out;
  assert.ok(out.every((byte) => byte === 0));
  return opened;
}

test("E4: the destination takes the license out of it, at any length", async () => {
  assert.equal(take(await issue()), license);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: COPY_LICENSE_MAX }), async (text) => {
      const certificate = await issue({}, server, text);
      assert.is(certificate.length, 168 + text.length);
      assert.equal(take(certificate), text);
    }),
    { numRuns: 20 },
  );
});

test("E5: every flipped bit is refused, and so is every other length", async () => {
  const certificate = await issue();
  for (let bit = 0; bit < 8 * certificate.length; bit++) {
    const altered = certificate.slice();
    altered[bit >> 3] ^= 1 << (bit & 7);
    const result = take(altered);
    if (typeof result !== "number" || result >= 0) assert.unreachable(`bit ${bit} flipped, and the certificate was taken`);
  }
  for (let length = 0; length < certificate.length; length++) assert.is(take(certificate.subarray(0, length)), COPY_MALFORMED);
  assert.is(take(Uint8Array.from([...certificate, 0])), COPY_MALFORMED);
});

test("E5: signed by the source's server it is refused, whichever server it names", async () => {
  assert.is(take(await issue({}, otherServer)), COPY_SIGNATURE);
  assert.is(take(await issue({ server: bytes(8, 0xb1) }, otherServer)), COPY_OTHER_SERVER);
  assert.is(take(await issue({ server: bytes(8, 0xb1) })), COPY_OTHER_SERVER);
});

test("each refusal has its own status", async () => {
  const certificate = await issue();
  assert.is(take(certificate, { client: bytes(8, 0xb3) }), COPY_OTHER_CLIENT);
  assert.is(take(await issue({ content: bytes(16, 0xb5) })), COPY_OTHER_CONTENT);
  assert.is(take(certificate, { time: 2001 }), COPY_EXPIRED);
  assert.equal(take(certificate, { time: 2000 }), license);
  assert.is(take(await issue({}, server, license, bytes(32, 0x34))), COPY_SEAL);
  for (const length of [0, COPY_LICENSE_MAX + 1]) assert.is(take(await issue({}, server, bytes(length, 1))), COPY_MALFORMED);
  assert.is(take(await issue({}, server, license, deviceKey, 1)), COPY_MALFORMED);
  for (const length of [16, 18]) assert.is(openCopyLicense(new Uint8Array(length), certificate, deviceKey), COPY_MALFORMED);
});

test("a license cut out of one certificate opens in no other", async () => {
  const first = await issue();
  const second = await issue({ serial: 10 });
  second.set(first.subarray(88, 88 + 33), 88);
  assert.is(openCopyLicense(new Uint8Array(17), second, deviceKey), COPY_SEAL);
});

test("used once, it is refused the second time", async () => {
  const window = new Uint8Array(COPY_WINDOW_LENGTH);
  const certificate = await issue();
  assert.equal(take(certificate, { window }), license);
  copyUse(window, get32(certificate, COPY_SERIAL));
  assert.is(take(certificate, { window }), COPY_USED);
  assert.equal(take(await issue({ serial: 8 }), { window }), license);
  assert.equal(take(await issue({ serial: 10 }), { window }), license);
  assert.is(take(await issue({ serial: 0 })), COPY_USED);
});

test("the window agrees with a list of used serials, forgetting only what is 32 and more behind", () => {
  const start = fc.oneof(fc.constant(1), fc.integer({ min: 0xfffffe00, max: 0xffffff00 }));
  fc.assert(
    fc.property(start, fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 60 }), (base, steps) => {
      const window = new Uint8Array(COPY_WINDOW_LENGTH);
      const used = new Set<number>();
      let highest = 0;
      for (const step of steps) {
        const serial = base + step;
        const refused = used.has(serial) || serial + 32 <= highest;
        assert.is(copyUsed(window, serial), refused, `${serial} after ${[...used].join(" ")}`);
        if (refused) continue;
        copyUse(window, serial);
        used.add(serial);
        highest = Math.max(highest, serial);
        assert.is(get32(window, 0), highest);
      }
    }),
  );
});

test("hostile bytes end in a status, never in an exception", async () => {
  const certificate = await issue();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat(600), fc.nat(0xffff), (noise, from, length) => {
      const bent = certificate.slice();
      bent.set(noise.subarray(0, Math.max(0, bent.length - from)), Math.min(from, bent.length));
      put32(bent, 0, 0x01000000 + length);
      for (const hostile of [noise, bent]) {
        const result = take(hostile);
        if (typeof result === "number") assert.ok(result < 0);
        else assert.equal(hostile, certificate);
      }
    }),
    { numRuns: 200 },
  );
});

test.run();
