import { releaseCommands } from "./phase.js";

/** Who may still hold, in closures that wait for an answer or a transfer, what answers commands. */
export interface Holder {
  /** True while something does; null where nothing ever does. */
  holds: (() => boolean) | null;
}

/** An event has been handled: what answers commands goes, unless it is held, since the next event would only make it a second time. */
export function rest(holder: Holder): void {
  if (holder.holds === null || !holder.holds()) releaseCommands();
}
