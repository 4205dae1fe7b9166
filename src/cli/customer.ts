import { existsSync, readFileSync } from "node:fs";
import { CenterClient } from "../center/client.js";
import { BadInput } from "./bad-input.js";

/** What a customer terminal signs its requests with; `leyden order new` makes one. */
export interface CustomerIdentity {
  terminalId: string;
  seed: string;
}

export interface CustomerFlags {
  identity: string;
  center: string;
}

export const IDENTITY_OPTION = ["--identity <file>", "identity of this customer terminal"] as const;

/** The center, asked as the customer. @throws BadInput where there is no identity */
export function customerClient(flags: CustomerFlags): CenterClient {
  if (!existsSync(flags.identity)) throw new BadInput(`There is no identity in ${flags.identity}; make one with leyden order new.`);
  const { terminalId, seed } = JSON.parse(readFileSync(flags.identity, "utf8")) as CustomerIdentity;
  return new CenterClient({ url: flags.center, credential: { terminalId, seed: Buffer.from(seed, "hex") } });
}
