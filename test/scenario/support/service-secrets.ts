/** What nobody may read in what a service of processes prints, logs, or leaves in the folders of those who shall not know it. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { LoanBody } from "../../../src/center/api/schema.js";
import { openDatabase } from "../../../src/center/db/database.js";
import { createDeviceAuthority } from "../../../src/center/device-authority.js";
import { unhex } from "../../../src/host/party.js";
import type { Service } from "./service.js";
import { Secrets } from "./secrets.js";

/** What the center derives keys for, by the names of its wrapping keys. */
const WRAPPING = ["loan keys", "title keys", "period keys", "instructions", "key tree", "block signer", "client license keys"];
/** 32 bytes in hex, and the name that they have in a file. */
const VALUE = /"(\w+)":\s*"([0-9a-f]{64})"/g;
const PUBLIC = /public|hash/i;

/**
 * Keys of the center, of its devices, and all that identities, roots and stores keep in their own files.
 *
 * @param devices - role and id (hex) of each that was enrolled
 */
export function secretsOf(service: Service, devices: [number, string][]): Secrets {
  const secrets = new Secrets();
  const { keys } = service.keys;
  secrets.add("seed of the issuer", keys.issuerSeed());
  for (const name of WRAPPING) secrets.add("wrapping key", keys.wrappingKey(name));
  for (const [role, id] of devices)
    secrets.add(`device key, role ${String(role)}`, keys.deviceKey(role, new Uint8Array(Buffer.from(id, "hex")), 1));
  secrets.add("staff token", new TextEncoder().encode(readFileSync(service.token, "utf8").trim()));
  const own = readdirSync(service.folder).map((name) => join(service.folder, name));
  const files = [
    ...own,
    join(service.keys.path, "center.json"),
    join(service.keys.path, "party.json"),
    join(service.folder, "store/store.json"),
  ];
  for (const file of files.filter((name) => name.endsWith(".json") && existsSync(name)))
    for (const [, name, value] of readFileSync(file, "utf8").matchAll(VALUE))
      if (!PUBLIC.test(name)) secrets.add(`${name} of ${basename(file)}`, new Uint8Array(Buffer.from(value, "hex")));
  return secrets;
}

/** What was lent, as the center alone knows it: the keys of each loan, and of the titles; and what is public of the sealed contents. */
export interface Lending {
  loanKeys: { loanKey: Uint8Array; cartridgePart: Uint8Array; cardPart: Uint8Array }[];
  titleKeys: Uint8Array[];
  sealed: { contentId: string; suite: number; header: Uint8Array; sealedLength: number; rate: number; sha256: string }[];
}

/** Reads the database of a center that has ended. */
export async function lending(service: Service, loans: LoanBody[]): Promise<Lending> {
  const authority = createDeviceAuthority(service.keys.keys, service.keys.acceptedRoots);
  const db = await openDatabase(join(service.folder, "center", "database"));
  const titles = await db.selectFrom("content_versions").selectAll().execute();
  const forms = await db.selectFrom("sealed_contents").selectAll().execute();
  await db.destroy();
  return {
    loanKeys: loans.map(({ id, contentId, terms }) =>
      authority.loanKey({ loanId: unhex(id), contentId: unhex(contentId), terms: unhex(terms) }),
    ),
    titleKeys: titles.map(({ content_id, version, title_key }) => authority.openTitleKey(unhex(content_id), version, unhex(title_key))),
    sealed: forms.map((form) => ({
      contentId: form.content_id,
      suite: form.suite,
      header: unhex(form.header),
      sealedLength: form.sealed_length,
      rate: form.sample_rate,
      sha256: form.sha256,
    })),
  };
}

/** Everything that the files below a folder hold, each byte a character. */
export function contentsOf(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"))
    .join("\n");
}
