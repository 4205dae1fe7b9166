/** A center in a process of its own, that kills itself at one moment of one command: `folder port moment url`. */
import { pino } from "pino";
import type { Moment } from "../../../src/center/http/parts.js";
import { startCenter } from "../../../src/center/main.js";
import { systemClock } from "../../../src/center/clock.js";
import { authority, contactOn } from "./world.js";

const [folder, port, moment, url] = process.argv.slice(2);

await startCenter({
  dataDir: folder,
  port: Number(port),
  authority,
  contact: contactOn(systemClock.now),
  logger: pino({ level: "silent" }),
  requestsPerMinute: 1_000_000,
  sweepSeconds: 1,
  step: (now: Moment, at: string) => {
    if (now === moment && at === url) process.kill(process.pid, "SIGKILL");
  },
});
console.log("listening");
