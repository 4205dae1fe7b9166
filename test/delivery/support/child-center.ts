/** A center in a process of its own, to be killed: `folder port since ahead`; its clock is `fastClock`. */
import { pino } from "pino";
import { startCenter } from "../../../src/center/main.js";
import { fastClock } from "./fast-clock.js";
import { authority, contactOn } from "../../center/support/world.js";

const [folder, port, since, ahead] = process.argv.slice(2);
const now = fastClock(Number(since), () => Number(ahead));

await startCenter({
  dataDir: folder,
  port: Number(port),
  authority,
  contact: contactOn(now),
  clock: { now },
  logger: pino({ level: "silent" }),
  requestsPerMinute: 1_000_000,
  sweepSeconds: 0,
  deliverySeconds: 0.25,
  allowLocal: ["127.0.0.1"],
});
console.log("listening");
