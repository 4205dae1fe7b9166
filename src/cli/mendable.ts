import { DatabaseUnfit } from "../center/db/unfit.js";
import { UnfitFile } from "../center/keys/files.js";
import { Locked } from "../host/lock.js";
import { BadInput } from "./bad-input.js";

interface SystemError extends Error {
  code: string;
  syscall?: string;
  path?: string;
  address?: string;
  port?: number;
  hostname?: string;
}

/** What hinders a port or a folder from being opened, and what to do. */
function sentence({ code, syscall, path, address, port, hostname }: SystemError): string | undefined {
  if (syscall === "listen" && port !== undefined) {
    const place = `Port ${String(port)} at ${address ?? "this machine"}`;
    if (code === "EADDRINUSE") return `${place} is in use; end what listens there, or choose another port.`;
    if (code === "EACCES") return `${place} is not for this user to open; choose one above 1023.`;
    if (code === "EADDRNOTAVAIL") return `${address ?? "The address"} is none of this machine's addresses; name one that is.`;
  }
  if (code === "ENOTFOUND" && hostname !== undefined) return `The name ${hostname} leads to no address; check it.`;
  if (path === undefined) return undefined;
  if (code === "EEXIST" || code === "ENOTDIR") return `${path} is not a folder; name one, or a name that is free.`;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return `${path} is not for this user to write or read; change its permissions.`;
  if (code === "ENOSPC") return `The disk of ${path} is full; make room.`;
  return undefined;
}

/** An error that the caller can mend as bad input, with a sentence that says how; any other as it is. */
export function mendable(error: unknown): unknown {
  if (error instanceof DatabaseUnfit || error instanceof Locked || error instanceof UnfitFile) return new BadInput(error.message);
  if (!(error instanceof Error) || !("code" in error)) return error;
  const said = sentence(error as SystemError);
  return said === undefined ? error : new BadInput(said);
}
