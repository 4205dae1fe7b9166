import { REFUSED_AES, REFUSED_CONVOLVE, REFUSED_CRC32, REFUSED_SHA256, REFUSED_SHA512 } from "../core/adopt.js";
import { expectWhole } from "../core/check.js";
import {
  SW_BLOCKED,
  SW_CLASS,
  SW_CONDITIONS,
  SW_DATA,
  SW_FAILURE,
  SW_INSTRUCTION,
  SW_LENGTH,
  SW_MEMORY,
  SW_NOT_FOUND,
  SW_NO_ROOM,
  SW_OK,
  SW_PARAMETERS,
  SW_SECURE_MESSAGING,
  SW_SECURITY,
} from "../core/link/apdu.js";

const MEANINGS = new Map<number, string>([
  [SW_OK, "done"],
  [SW_BLOCKED, "it waits after failed authentications; try again in a few minutes"],
  [SW_CLASS, "it does not know this class of commands"],
  [SW_CONDITIONS, "not in its present state, or not within the terms"],
  [SW_DATA, "the data are not genuine, or not what the command takes"],
  [SW_FAILURE, "it could not carry the command out"],
  [SW_INSTRUCTION, "it does not know this command"],
  [SW_LENGTH, "the data have a wrong length"],
  [SW_MEMORY, "its flash did not take the data"],
  [SW_NOT_FOUND, "it holds no such thing"],
  [SW_NO_ROOM, "it has no room left"],
  [SW_PARAMETERS, "it does not know these parameters"],
  [SW_SECURE_MESSAGING, "the session is over; authenticate again"],
  [SW_SECURITY, "not authenticated, or not for this peer"],
]);

/** A status word in words: `0x6982, not authenticated, or not for this peer`. */
export function describeStatus(status: number): string {
  expectWhole("status", status, 0, 65_535);
  return `0x${status.toString(16).padStart(4, "0")}, ${MEANINGS.get(status) ?? "a status that the standard leaves to the device"}`;
}

const NATIVES: [bit: number, name: string][] = [
  [REFUSED_SHA256, "SHA-256"],
  [REFUSED_SHA512, "SHA-512"],
  [REFUSED_AES, "AES"],
  [REFUSED_CONVOLVE, "the inner product"],
  [REFUSED_CRC32, "CRC-32"],
];

/** What a device says of the native primitives that its engine has wrong (`DeviceInfo.refused`), in words. */
export function describeRefused(refused: number): string {
  expectWhole("refused", refused, 0, 31);
  const names = NATIVES.filter(([bit]) => refused & bit).map(([, name]) => name);
  if (names.length === 0) return "Its engine computes everything right.";
  return `Its engine computes wrongly: ${names.join(", ")}. The device computes that itself, more slowly.`;
}
