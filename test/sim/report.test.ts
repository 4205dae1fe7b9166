/** Story, summary, report and waveforms come out of the trace and say what is in it. */
import { createHash } from "node:crypto";
import * as assert from "uvu/assert";
import { DAY, SECOND } from "../../sim/clock.js";
import { reportHtml } from "../../sim/report.js";
import { eraseReason, tellStory } from "../../sim/story.js";
import { summarize } from "../../sim/summary.js";
import { ApduTap } from "../../sim/tap.js";
import { toVcd } from "../../sim/vcd.js";
import { World } from "../../sim/world.js";
import { suite } from "../suite.js";

const test = suite("report");

function block(pcb: number, ...data: number[]): Uint8Array {
  const bytes = Uint8Array.of(0, pcb, data.length, ...data, 0);
  bytes[bytes.length - 1] = bytes.reduce((sum, byte) => sum ^ byte, 0);
  return bytes;
}

/** A loan as far as a trace shows it, made by hand. */
function loan(): World {
  const world = new World({ seed: 1 });
  const { trace, clock } = world;
  const wire = world.wire({ name: "reader slot" });
  new ApduTap(trace, wire);
  const reader = world.hostPort("reader", wire, 0);
  const cartridge = world.hostPort("cartridge", wire, 1);
  trace.add("cartridge", "threshold", { name: "power-fail warning", volts: 2.4 });
  trace.add("cartridge", "voltage", { volts: 0, why: "start" });
  trace.add("cartridge", "dock", { to: "kiosk" });
  trace.add("cartridge", "charge", { on: true, volts: 0 });
  clock.runUntil(90 * SECOND);
  trace.add("cartridge", "voltage", { volts: 4.9, why: "step" });
  trace.add("cartridge", "charge", { on: false, volts: 4.9 });
  world.note("kiosk", "recorded", { name: "tune <1>.wav", bytes: 5 });
  trace.add("cartridge", "key", { valid: true });
  trace.add("cartridge", "undock", { from: "kiosk" });
  clock.runUntil(2 * DAY);
  const exchange = (number: number, command: number[], sw: [number, number]): void => {
    reader.write(block(number, ...command));
    clock.runFor(SECOND);
    cartridge.write(block(number, ...sw));
    clock.runFor(SECOND);
  };
  exchange(0, [0, 0x86, 1, 0, 0], [0x90, 0]);
  exchange(0x40, [0x8c, 0x52, 0, 0, 0], [0x90, 0]);
  trace.add("reader", "sink", { op: "begin", name: "loudspeaker", bytes: 0 });
  const sha256 = createHash("sha256").update("music").digest("hex");
  trace.add("reader", "sink", { op: "end", name: "loudspeaker", bytes: 5, sha256 });
  clock.runUntil(9 * DAY);
  trace.add("cartridge", "voltage", { volts: 2.4, why: "cross", threshold: "power-fail warning", edge: "falling" });
  trace.add("cartridge", "key", { valid: false });
  clock.runUntil(10 * DAY);
  exchange(0, [0x8c, 0x52, 0, 0, 0], [0x69, 0x85]);
  return world;
}

test("the story names what happened, in order, and the days between", () => {
  const texts = tellStory(loan().trace).map(({ text }) => text);
  const expected = [
    /put into the kiosk/,
    /charged to 4.90 V in 1.5 minutes/,
    /^The kiosk recorded tune <1>.wav \(5 bytes\)\.$/,
    /holds a key now/,
    /taken out/,
    /^2 days later/,
    /authenticated each other/,
    /Playing began/,
    /played 5 bytes/,
    /^7 days later/,
    /erased: the power-fail warning came, .* at 2.40 V/,
    /^1 day later/,
    /refused: 6985 \(conditions of use not satisfied\)/,
  ];
  assert.is(texts.length, expected.length, texts.join("\n"));
  expected.forEach((pattern, i) => assert.match(texts[i], pattern));
});

test("notes are told as sentences, and cannot hide who did it", () => {
  const world = new World();
  world.note("center", "enrolled", { whom: "card", id: "0a0b" });
  world.note("kiosk", "recorded", { name: "A song", bytes: 12_345 });
  world.note("center", "activated the loan", { days: 1 });
  world.note("customer", "carries card and cartridge home");
  assert.equal(
    tellStory(world.trace).map(({ topic, text }) => `${topic}: ${text}`),
    [
      "other: The center enrolled the card (id 0a0b).",
      "record: The kiosk recorded A song (12,345 bytes).",
      "contract: The center activated the loan (1 day).",
      "other: The customer carries card and cartridge home.",
    ],
  );
  assert.throws(() => {
    world.note("center", "enrolled", { device: "card" });
  }, /every note has its device already/);
});

test("only a key that comes into key memory is marked as loaded", () => {
  const { trace } = new World();
  trace.add("c", "key", { valid: true });
  trace.add("c", "apdu", { wire: "w", to: "c", cla: 0x8c, ins: 0x44, p1: 0, p2: 0, sw: 0x9000, length: 200 });
  assert.equal(tellStory(trace), [{ t: 0, topic: "key", text: "The c holds a key now, in memory that only its capacitor keeps." }]);
  const { trace: other } = new World();
  other.add("c", "key", { valid: true });
  other.add("c", "apdu", { wire: "w", to: "c", cla: 0x8c, ins: 0x52, p1: 0, p2: 0, sw: 0x9000, length: 40 });
  assert.equal(
    tellStory(other).filter(({ topic }) => topic === "other"),
    [{ t: 0, topic: "other", text: "The c notes the play in memory that only its capacitor keeps." }],
  );
});

test("the summary has what was played, when and why it was erased, and that it was refused afterwards", () => {
  const { trace } = loan();
  const summary = summarize(trace);
  assert.equal(summary.played, { name: "tune <1>.wav", bytes: 5, sha256: createHash("sha256").update("music").digest("hex") });
  assert.equal(summary.erased, { device: "cartridge", at: 9 * 86_400, day: 9, reason: "power-fail warning", volts: 2.4 });
  assert.is(summary.refusedAfterErase, true);
  trace.add("reader", "sink", { op: "begin", name: "loudspeaker", bytes: 0 });
  assert.is(summarize(trace).refusedAfterErase, false, "something was played after all");
  assert.equal(summarize(new World().trace).played, null);
});

test("reasons of an erase are read from what happened around it", () => {
  const { trace } = new World();
  trace.add("c", "power", { on: false, why: "brownout" });
  trace.add("c", "key", { valid: false });
  assert.is(eraseReason(trace.events, 1), "ran dry");
  const { trace: other, clock } = new World();
  other.add("c", "dock", { to: "kiosk" });
  other.add("c", "undock", { from: "kiosk" });
  clock.runUntil(DAY);
  other.add("c", "key", { valid: false });
  assert.is(eraseReason(other.events, 2), "deadline");
  const { trace: third } = new World();
  third.add("c", "dock", { to: "return kiosk" });
  third.add("c", "key", { valid: false });
  third.add("c", "apdu", { wire: "w", to: "c", cla: 0x80, ins: 0x5e, p1: 0, p2: 0, sw: 0x9000, length: 6 });
  assert.is(eraseReason(third.events, 1), "erase command");
});

test("the page needs nothing from outside, and says what is in the trace", () => {
  const page = reportHtml(loan().trace, { title: "A loan & more" });
  assert.not.match(page, /<script|src=|href=|@import|url\(/);
  assert.equal(page.match(/https?:\/\/[^"]*/g)?.filter((url) => url !== "http://www.w3.org/2000/svg") ?? [], []);
  assert.match(page, /<title>A loan &amp; more<\/title>/);
  assert.match(page, /tune &lt;1&gt;.wav/);
  for (const label of ["time, days", "capacitor voltage, V", "power-fail warning 2.40 V", ">charged<", ">played<", ">erased<", ">refused<"])
    assert.ok(page.includes(label), label);
  assert.not.match(page, /NaN|undefined|Infinity/);
  assert.not.match(reportHtml(new World().trace, { title: "Nothing" }), /NaN|undefined|Infinity/);
});

test("the waveform file declares what it changes, in the order of time", () => {
  const { trace } = loan();
  const dump = toVcd(trace);
  const ids = new Map([...dump.matchAll(/\$var (wire|real) (\d+) (\S+) (\w+) \$end/g)].map(([, type, , id]) => [id, type]));
  assert.ok(ids.size >= 5);
  const body = dump.slice(dump.indexOf("$enddefinitions"));
  let time = -1;
  let changes = 0;
  for (const line of body.split("\n").slice(1)) {
    if (line.startsWith("#")) {
      assert.ok(Number(line.slice(1)) > time || time <= 0, "time goes back");
      time = Number(line.slice(1));
    } else if (line && !line.startsWith("$")) {
      const [, value, id] = /^([01]|r\S+ )(\S+)$/.exec(line) ?? [];
      assert.is(ids.get(id), value.startsWith("r") ? "real" : "wire", line);
      changes++;
    }
  }
  assert.ok(changes > 10);
  assert.is(time, Math.round((trace.events.at(-1)?.t ?? 0) * 1000));
});

test("bytes on a wire enter the trace only on request, and never the story or the report", () => {
  const secret = "5365637265744b6579";
  for (const wires of [false, true]) {
    const world = new World({ wires });
    const wire = world.wire({ name: "w" });
    const a = world.hostPort("a", wire, 0);
    world.hostPort("b", wire, 1);
    a.write(Buffer.from(secret, "hex"));
    world.clock.runFor(SECOND);
    assert.is(world.trace.toString().includes(secret), wires);
    assert.not.ok(reportHtml(world.trace, { title: "t" }).includes(secret));
    assert.not.ok(toVcd(world.trace).includes(secret));
  }
});

test.run();
