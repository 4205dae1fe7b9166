import { RECEIPT_LENGTH } from "../../core/protocol/loan.js";
import type { Death } from "./tariff.js";

export interface ReceiptFacts extends Death {
  cause: number;
  /** 8 bytes, hex. */
  cartridgeId: string;
  /** 16 bytes, hex. */
  loanId: string;
  counter: number;
  /** Center's time as the cartridge got it; 0 when ACTIVATE never came. */
  activation: number;
}

/** What an erasure receipt says, its proof not checked: only the center can do that. Null when it is no receipt. */
export function readReceipt(bytes: Uint8Array): ReceiptFacts | null {
  if (bytes.length !== RECEIPT_LENGTH || bytes[0] !== 1 || bytes[2] > 2) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const hex = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("hex");
  return {
    cause: bytes[1],
    exactness: bytes[2],
    cartridgeId: hex(4, 12),
    loanId: hex(12, 28),
    counter: view.getUint32(28),
    earliest: view.getUint32(32),
    latest: view.getUint32(36),
    activation: view.getUint32(40),
  };
}
