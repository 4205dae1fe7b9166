import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDatabase } from "../../../src/center/db/database.js";
import { copyFolder, removeFolder } from "../../support/folders.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Makes `to` an empty, migrated database. A first start of PGlite takes seconds: one for each version of migrations and PGlite is kept below `build/`, and copied. */
export async function emptyDatabase(to: string): Promise<void> {
  const migrations = join(root, "src/center/db/migrations");
  const hash = createHash("sha256").update(readFileSync(join(root, "node_modules/@electric-sql/pglite/package.json")));
  for (const name of readdirSync(migrations).sort()) hash.update(readFileSync(join(migrations, name)));
  hash.update(readFileSync(join(root, "src/center/db/migrate.ts")));
  const template = join(root, "build/test-databases", hash.digest("hex").slice(0, 16));
  if (!existsSync(template)) {
    mkdirSync(join(root, "build/test-databases"), { recursive: true });
    const fresh = mkdtempSync(`${template}-`);
    await (await openDatabase(fresh)).destroy();
    try {
      renameSync(fresh, template);
    } catch {
      // Another test file was faster.
      removeFolder(fresh);
    }
  }
  copyFolder(template, to);
}
