import { createHash } from "node:crypto";
import { ProblemError } from "../api/problems.js";
import type { DeviceAuthority } from "../device-authority.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import type { FileStore, StoredFile } from "./files.js";
import { sealContent } from "./sealing.js";

/** Largest content: its sealed length is a 32-bit number on the wire. */
const CONTENT_LIMIT = 2 ** 32 - 1;
const PICTURE_LIMIT = 4 << 20;

type InTransaction = <T>(run: (scope: Scope) => Promise<T>) => Promise<T>;

export interface Form {
  contentId: string;
  version: number;
  suite: number;
  sampleRate: number;
}

/**
 * Takes a content's bytes in: seals them while they come, keeps the sealed file, then writes it into the tables. A transfer that breaks leaves nothing.
 *
 * @param announced - SHA-256 of the plain bytes, hex; what arrives must have it
 */
export async function takeFile(
  parts: { authority: DeviceAuthority; contents: FileStore },
  inTransaction: InTransaction,
  plain: AsyncIterable<Uint8Array>,
  form: Form,
  announced?: string,
): Promise<Form & StoredFile> {
  const { contentId, version, suite, sampleRate } = form;
  if (version > 65535) throw new ProblemError("conflict", "Versions go up to 65535; choose a lower one.");
  const titleKey = await inTransaction((scope) => titleKeyOf(scope, contentId, version, suite));
  const hash = createHash("sha256");
  const sealing = sealContent(hashed(plain, hash), titleKey, fromHex(contentId), version, suite);
  const stored = await parts.contents.put(sealing.chunks, CONTENT_LIMIT);
  const digest = hash.digest("hex");
  if (announced !== undefined && digest !== announced)
    throw new ProblemError("digest-mismatch", `What arrived has the hash ${digest}; send the content again.`);
  await inTransaction(async (scope) => {
    await scope.trx
      .insertInto("sealed_contents")
      .values({
        content_id: contentId,
        version,
        suite,
        header: toHex(sealing.header),
        sealed_length: stored.length,
        sha256: stored.sha256,
        sample_rate: sampleRate,
        created_at: scope.now,
      })
      .execute();
    await audit(scope, "content sealed", contentId, { version, suite, sha256: digest });
  });
  return { ...form, ...stored };
}

async function* hashed(plain: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  for await (const bytes of plain) {
    hash.update(bytes);
    yield bytes;
  }
}

/** The version's title key, made at its first sealing. A sealed form is made once: loans that run rely on it. */
async function titleKeyOf(scope: Scope, contentId: string, version: number, suite: number): Promise<Uint8Array> {
  const sealed = await scope.trx
    .selectFrom("sealed_contents")
    .select("suite")
    .where("content_id", "=", contentId)
    .where("version", "=", version)
    .where("suite", "=", suite)
    .executeTakeFirst();
  if (sealed !== undefined) throw new ProblemError("already-exists", "This version is sealed in that suite already; send a new version.");
  const wrapped = toHex(scope.authority.newTitleKey(fromHex(contentId), version));
  await scope.trx
    .insertInto("content_versions")
    .values({ content_id: contentId, version, title_key: wrapped, created_at: scope.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { title_key } = await scope.trx
    .selectFrom("content_versions")
    .select("title_key")
    .where("content_id", "=", contentId)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  return scope.authority.openTitleKey(fromHex(contentId), version, fromHex(title_key));
}

/** Takes a picture in, in place of the one of that number. */
export async function takePicture(
  parts: { pictures: FileStore },
  inTransaction: InTransaction,
  bytes: AsyncIterable<Uint8Array>,
  contentId: string,
  number: number,
  mediaType: string,
): Promise<{ sha256: string }> {
  if (!mediaType.startsWith("image/"))
    throw new ProblemError("media-type-not-supported", "A picture is PNG, JPEG, WebP or GIF; send one of these.");
  const { length, sha256 } = await parts.pictures.put(bytes, PICTURE_LIMIT);
  if (length === 0) throw new ProblemError("conflict", "The picture is empty; send one with bytes.");
  await inTransaction(async (scope) => {
    const values = { media_type: mediaType, length, sha256 };
    await scope.trx
      .insertInto("pictures")
      .values({ content_id: contentId, number, ...values })
      .onConflict((conflict) => conflict.columns(["content_id", "number"]).doUpdateSet(values))
      .execute();
    await audit(scope, "picture stored", contentId, { number });
  });
  return { sha256 };
}
