import type { Clock } from "../clock.js";
import type { FileStore } from "../catalog/files.js";
import type { Outgoing } from "../../host/outgoing.js";
import type { Database } from "../db/database.js";
import type { DeviceAuthority } from "../device-authority.js";
import type { Meetings } from "../meetings.js";

/** A command has come in, has done its work inside of its transaction, has been committed. */
export type Moment = "received" | "worked" | "committed";

/** What the routes work with. */
export interface Parts {
  db: Database;
  authority: DeviceAuthority;
  clock: Clock;
  contents: FileStore;
  pictures: FileStore;
  /** The center's conversations with cards in kiosks' slots. */
  meetings: Meetings;
  /** How the center reaches addresses that somebody else named. */
  outgoing: Outgoing;
  /** Told of moments between which a crash would matter; for tests that crash there. */
  step?: (moment: Moment, url: string) => void;
}
