import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LoanBody } from "../center/api/schema.js";
import { writeDurably } from "./spool.js";

const ID = /^[0-9a-f]{32}$/;

/** Seconds after its deadline for which a loan's record is kept: whoever brings the cartridge later waits for the center. */
const KEPT = 30 * 86_400;

/** Loans made at a kiosk, for other kiosks while the center is away: on the disk alone, as there are ever more of them. */
export class LoanRecords {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  put(loan: LoanBody): void {
    writeDurably(this.path(loan.id), JSON.stringify(loan));
  }

  /** @param loanId - 32 hex digits; anything else is no loan's */
  get(loanId: string): LoanBody | undefined {
    if (!ID.test(loanId)) return undefined;
    try {
      return JSON.parse(readFileSync(this.path(loanId), "utf8")) as LoanBody;
    } catch {
      return undefined;
    }
  }

  /** Removes what nobody asks for any more, and files of a cut. */
  prune(now: number): void {
    for (const file of readdirSync(this.folder)) {
      const loan = this.get(file.replace(/\.json$/, ""));
      if (loan === undefined || (loan.deadlineAt ?? 0) + KEPT < now) rmSync(join(this.folder, file), { force: true });
    }
  }

  private path(loanId: string): string {
    return join(this.folder, `${loanId}.json`);
  }
}
