/** What nobody may read in what a service of processes prints, logs, or leaves in the folders of those who shall not know it. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
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

/** Everything that the files below a folder hold, each byte a character. */
export function contentsOf(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"))
    .join("\n");
}
