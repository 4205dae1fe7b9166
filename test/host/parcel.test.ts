/** Parcels: a content with its copy certificate, as files and as bytes. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "../generate.js";
import * as assert from "uvu/assert";
import { COPY_CONTENT, COPY_USE } from "../../src/core/protocol/copy-certificate.js";
import { HEADER_LENGTH, headerEncode } from "../../src/core/stream/header.js";
import { ParcelError, decodeParcel, encodeParcel, openParcelFile, writeParcelFile, type Parcel } from "../../src/host/parcel.js";
import { suite } from "../suite.js";

const test = suite("parcel");
const folder = mkdtempSync(join(tmpdir(), "leyden-parcel-"));
test.after(() => {
  rmSync(folder, { recursive: true, force: true });
});
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

const parcels = fc
  .record({
    contentId: bytes(16),
    salt: bytes(16),
    version: fc.integer({ min: 0, max: 65_535 }),
    suite: fc.constantFrom(1, 2),
    length: fc.integer({ min: 1, max: 0xffffffff }),
    sampleRate: fc.integer({ min: 0, max: 0xffffffff }),
    sha256: bytes(32),
    certificate: bytes(316),
    slice: fc.uint8Array({ minLength: 112, maxLength: 1200 }),
  })
  .map(({ contentId, salt, version, suite: number, certificate, slice, sha256, ...rest }): Parcel => {
    const header = new Uint8Array(HEADER_LENGTH);
    const hex = (some: Uint8Array): string => Buffer.from(some).toString("hex");
    headerEncode(header, { suite: number, chunkSize: 480, contentId, titleKeyVersion: version, salt });
    certificate.set([1, 0, 0, 164]);
    certificate.set(contentId, COPY_CONTENT);
    const useId = hex(certificate.subarray(COPY_USE, COPY_USE + 16));
    const content = { contentId: hex(contentId), version, suite: number, header: hex(header), sha256: hex(sha256), ...rest };
    return { content, useId, certificate: hex(certificate), slice: hex(slice) };
  });

test("what is written is read back, and where the sealed bytes begin", () => {
  fc.assert(
    fc.property(parcels, fc.uint8Array(), (parcel, sealed) => {
      const head = encodeParcel(parcel);
      assert.equal(decodeParcel(Buffer.concat([head, sealed])), { parcel, start: head.length });
    }),
  );
});

test("what is too short, or not for the content that it names, is no parcel; no bytes make the reader fail", () => {
  fc.assert(
    fc.property(parcels, fc.nat(), fc.uint8Array({ maxLength: 2000 }), (parcel, cut, noise) => {
      const head = encodeParcel(parcel);
      assert.is(decodeParcel(head.subarray(0, cut % head.length)), null);
      const other = head.slice();
      other[8 + 8] ^= 1;
      assert.is(decodeParcel(other), null);
      decodeParcel(noise);
      decodeParcel(Buffer.concat([head.subarray(0, cut % head.length), noise]));
    }),
  );
});

test("a file is whole or is not there; a part of one is refused", async () => {
  const sealed = join(folder, "sealed");
  const file = join(folder, "parcel");
  const content = randomBytes(5000);
  writeFileSync(sealed, content);
  const [sample] = fc.sample(parcels, 1);
  const parcel = { ...sample, content: { ...sample.content, length: content.length } };
  await writeParcelFile(file, parcel, sealed);
  const carried = openParcelFile(file);
  assert.equal(carried.parcel, parcel);
  for (const from of [0, 4096]) {
    const pieces: Uint8Array[] = [];
    for await (const piece of carried.bytes(from)) pieces.push(piece);
    assert.equal(Buffer.concat(pieces), content.subarray(from));
  }
  await writeParcelFile(file, parcel, join(folder, "nothing")).then(
    () => assert.unreachable("there is nothing to write"),
    () => undefined,
  );
  assert.equal(openParcelFile(file).parcel, parcel, "the one before stands");
  assert.not.ok(existsSync(`${file}.part`));
  writeFileSync(file, readFileSync(file).subarray(0, -1));
  assert.throws(
    () => openParcelFile(file),
    (error: unknown) => error instanceof ParcelError && /not all of it/.test(error.message),
  );
});

test.run();
