import { createHash, type Hash } from "node:crypto";
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
  const wrapped = await inTransaction((scope) => wrappedKey(scope, contentId, version, suite));
  const titleKey = parts.authority.openTitleKey(fromHex(contentId), version, fromHex(wrapped));
  const hash = createHash("sha256");
  let digest = "";
  const sealing = sealContent(
    hashed(notEmpty(plain), hash, () => {
      digest = hash.digest("hex");
      if (announced !== undefined && digest !== announced)
        throw new ProblemError("digest-mismatch", `What arrived has the hash ${digest}; send the content again.`);
    }),
    titleKey,
    fromHex(contentId),
    version,
    suite,
  );
  const stored = await parts.contents.put(sealing.chunks, CONTENT_LIMIT);
  await inTransaction(async (scope) => {
    await keepKey(scope, contentId, version, wrapped);
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

/** The bytes, hashed as they pass; `end` is called before the last are known to be the last, so that it can refuse them all. */
async function* hashed(plain: AsyncIterable<Uint8Array>, hash: Hash, end: () => void): AsyncGenerator<Uint8Array> {
  for await (const bytes of plain) {
    hash.update(bytes);
    yield bytes;
  }
  end();
}

/** The same bytes. @throws ProblemError at the end when there were none */
export async function* notEmpty(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const bytes of source) {
    length += bytes.length;
    yield bytes;
  }
  if (length === 0) throw new ProblemError("malformed-request", "No bytes came, and an empty file is of no use; send its bytes.");
}

/** The version's title key, wrapped: the one that it has, or a new one that is not written down yet. A sealed form is made once: loans that run rely on it. */
async function wrappedKey(scope: Scope, contentId: string, version: number, suite: number): Promise<string> {
  const content = await scope.trx.selectFrom("contents").select("id").where("id", "=", contentId).executeTakeFirst();
  if (content === undefined) throw new ProblemError("not-found", `No content has the id ${contentId}; create it first.`);
  const sealed = await scope.trx
    .selectFrom("sealed_contents")
    .select("suite")
    .where("content_id", "=", contentId)
    .where("version", "=", version)
    .where("suite", "=", suite)
    .executeTakeFirst();
  if (sealed !== undefined) throw new ProblemError("already-exists", "This version is sealed in that suite already; send a new version.");
  return (await storedKey(scope, contentId, version)) ?? toHex(scope.authority.newTitleKey(fromHex(contentId), version));
}

async function storedKey(scope: Scope, contentId: string, version: number): Promise<string | undefined> {
  const row = await scope.trx
    .selectFrom("content_versions")
    .select("title_key")
    .where("content_id", "=", contentId)
    .where("version", "=", version)
    .executeTakeFirst();
  return row?.title_key;
}

/** Writes the key down under which a content was sealed, with the sealed form: a transfer that breaks leaves neither. */
async function keepKey(scope: Scope, contentId: string, version: number, wrapped: string): Promise<void> {
  await scope.trx
    .insertInto("content_versions")
    .values({ content_id: contentId, version, title_key: wrapped, created_at: scope.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if ((await storedKey(scope, contentId, version)) !== wrapped)
    throw new ProblemError("conflict", "The version got another key while its bytes came; send the content again.");
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
  const { length, sha256 } = await parts.pictures.put(notEmpty(bytes), PICTURE_LIMIT);
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
