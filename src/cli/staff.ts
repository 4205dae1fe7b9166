import { existsSync, readFileSync } from "node:fs";
import { CenterClient } from "../center/client.js";
import { BadInput } from "./bad-input.js";
import { httpAddress } from "./options.js";

/** Options by which a command of the staff reaches the center. */
export interface StaffFlags {
  center: string;
  token: string;
}

export const CENTER_OPTION = ["--center <url>", "where the center listens", httpAddress("--center"), "http://127.0.0.1:7070"] as const;
export const TOKEN_OPTION = ["--token <file>", "file with a staff token, such as staff-token in the center's data folder"] as const;

/** A client with the token in that file. */
export function staffClient(flags: StaffFlags): CenterClient {
  if (!existsSync(flags.token))
    throw new BadInput(`There is no token in ${flags.token}; name the file staff-token of the center's data folder.`);
  const token = readFileSync(flags.token, "utf8").trim();
  if (!/^[0-9a-f]{64}$/.test(token)) throw new BadInput(`${flags.token} holds no staff token, which is 64 hex digits; name another file.`);
  return new CenterClient({ url: flags.center, credential: { token }, timeout: 60_000 });
}
