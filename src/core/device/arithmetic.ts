/** When a device computes what takes long: one thing at a time, for whoever waits, or ahead of need. */
import { IDLE } from "../link/line.js";
import { prepareEphemeral } from "../protocol/handshake.js";
import type { Device } from "./device.js";

/** No arithmetic; what waits begins in an event of its own; arithmetic that somebody waits for; an ephemeral key, made ahead of need. */
export const FREE = 0;
export const BEGINS = 1;
export const WORKS = 2;
export const AHEAD = 3;

/** A device to which nobody has spoken for so many milliseconds makes an ephemeral key ahead. */
const QUIET = 1000;

/** Long arithmetic has ended: whoever waits for it goes on. */
export function workDone(device: Device): void {
  const next = device.waiting;
  device.busy = next === null ? FREE : WORKS;
  device.waiting = null;
  if (next !== null) next();
}

/** Looks for quiet after a while, once for all who ask meanwhile. */
export function listen(device: Device): void {
  if (!device.listening) device.board.after(QUIET, device.proceed);
  device.listening = true;
}

/** Makes an ephemeral key pair once it is quiet, unless there is other work: its arithmetic has no room beside what answers commands. */
export function makeAhead(device: Device): void {
  const h = device.handshake;
  const link = device.link;
  device.listening = false;
  if (device.memory.party.role === 0 || device.busy !== FREE || h.step !== 0 || h.ephemeralReady || (device.holds && device.holds()))
    return;
  if (link.phase !== IDLE || link.idle !== 0 || device.board.now() - link.last < QUIET) return listen(device);
  device.busy = AHEAD;
  prepareEphemeral(h, device.authenticated);
}

/** Runs `work`, which ends by `workDone`, in an event of its own as soon as no arithmetic is under way; a later caller replaces one that still waits. */
export function whenIdle(device: Device, work: () => void): void {
  device.waiting = work;
  if (device.busy !== FREE) return;
  device.busy = BEGINS;
  device.board.after(0, device.proceed);
}
