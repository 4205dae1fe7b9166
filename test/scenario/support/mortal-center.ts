/**
 * A center in a process of its own, as `leyden center` starts it, that lets somebody die: `folder keys port`. A line `{"moment", "url", "victim"}` on standard
 * input names the next moment of a command at which the process `victim` is killed; 0 is the center itself.
 */
import { pino } from "pino";
import { systemClock } from "../../../src/center/clock.js";
import { Contact } from "../../../src/center/contact.js";
import { createDeviceAuthority } from "../../../src/center/device-authority.js";
import { KeyFolder } from "../../../src/center/keys/folder.js";
import { startCenter } from "../../../src/center/main.js";
import { HostParty } from "../../../src/host/party.js";
import { receive, type Message } from "./lines.js";

const [dataDir, keys, port] = process.argv.slice(2);
const folder = KeyFolder.open(keys);
let next: Message = {};

const center = await startCenter({
  dataDir,
  port: Number(port),
  authority: createDeviceAuthority(folder.keys, folder.acceptedRoots),
  contact: new Contact(new HostParty({ ...folder.party, time: systemClock.now }), folder.issuers),
  logger: pino({ level: "silent" }),
  step: (moment, url) => {
    if (moment !== next.moment || url !== next.url) return;
    const victim = Number(next.victim);
    next = {};
    console.log(`Killed at ${moment} of ${url}.`);
    process.kill(victim === 0 ? process.pid : victim, "SIGKILL");
  },
});
receive(process.stdin, (message) => {
  next = message;
  console.log("Ready to kill.");
});
console.log(`The center listens at ${center.url}; the token of the first staff is in ${center.tokenFile}.`);
