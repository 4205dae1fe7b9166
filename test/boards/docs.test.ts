import * as assert from "uvu/assert";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { EMPTY, SUPERVISION, capacitorFor, longestDays } from "../../boards/profiles/capacitor.js";
import { DEFAULT_BOARD, profileOf, profiles } from "../../boards/profiles/index.js";
import { RAILS } from "../../boards/profiles/parts.js";
import type { BoardProfile } from "../../boards/profiles/profile.js";
import { boardDocuments } from "../../scripts/docs/boards.js";
import { suite } from "../suite.js";

const test = suite("board profiles");

/** Rails and pins that carry power: a drawing may name them often, and no binding knows them. */
const power = ({ power: pins }: BoardProfile): (string | undefined)[] => [
  ...RAILS,
  pins?.supply.value,
  pins?.gives?.value,
  pins?.takes?.value,
];

test("docs/boards.md and every drawing are what the profiles make", () => {
  const documents = boardDocuments();
  for (const [name, content] of documents) {
    assert.ok(existsSync(`docs/${name}`), `docs/${name} is missing; run npm run docs:boards`);
    assert.is(readFileSync(`docs/${name}`, "utf8"), content, `docs/${name} is out of date; run npm run docs:boards`);
  }
  for (const name of readdirSync("docs/wiring")) assert.ok(documents.has(`wiring/${name}`), `docs/wiring/${name} belongs to no profile`);
});

test("each board has a binding that takes exactly the roles its profile names", () => {
  for (const profile of profiles) {
    const file = `boards/${profile.engine}/boards/${profile.name}.ts`;
    assert.ok(existsSync(file), file);
    const source = readFileSync(file, "utf8");
    for (const role of ["card", "cartridge", "reader", "client"]) {
      const bound = new RegExp(`^export function ${role}\\(`, "m").test(source);
      if (profile.engine === "espruino")
        assert.is(
          bound,
          profile.roles.some((wiring) => wiring.role === role),
          `${profile.name} ${role}`,
        );
    }
  }
  for (const [role, board] of Object.entries(DEFAULT_BOARD))
    assert.ok(
      profileOf(board)?.roles.some((wiring) => wiring.role === role),
      `${board} as ${role}`,
    );
});

test("each binding takes its source of random numbers for what its profile says that it is", () => {
  const shared = readFileSync("boards/espruino/nrf52.ts", "utf8");
  for (const { name, engine, random } of profiles) {
    const own = readFileSync(`boards/${engine}/boards/${name}.ts`, "utf8");
    const [, quality] = /entropyQuality: ENTROPY_(\w+)/.exec(own.includes("nrf52Board(") ? shared : own) ?? [];
    const noise = random.value.startsWith("noise");
    assert.is(quality, noise ? "NOISE" : "HARDWARE", name);
    assert.is(random.value.includes("needs the seed of enrollment"), noise, name);
  }
});

test("pins in the drawings are the pins in the binding", () => {
  for (const profile of profiles.filter((one) => one.engine === "espruino")) {
    const source = readFileSync(`boards/espruino/boards/${profile.name}.ts`, "utf8");
    for (const wiring of profile.roles) {
      for (const part of wiring.parts) {
        for (const { pin } of part.connections) {
          if (!power(profile).includes(pin)) assert.match(source, `"${pin}"`, `${profile.name} ${wiring.role}: ${pin} of ${part.title}`);
        }
      }
    }
  }
});

test("no pin of a drawing is used twice", () => {
  for (const profile of profiles) {
    for (const wiring of profile.roles) {
      const pins = wiring.parts
        .flatMap((part) => part.connections.map((connection) => connection.pin))
        .filter((pin) => !power(profile).includes(pin));
      assert.is(new Set(pins).size, pins.length, `${profile.name} ${wiring.role}: ${pins.join()}`);
    }
  }
});

test("the capacitor holds its days: integrating the discharge step by step ends where the comparator warns", () => {
  const pico = profileOf("pico");
  assert.ok(pico?.standby);
  if (!pico?.standby) return;
  for (const days of [1, 7, longestDays(pico)]) {
    const nominal = capacitorFor(pico, days);
    assert.ok(nominal !== null && nominal > 0);
    if (nominal === null) return;
    const farads = nominal * 0.8;
    const current = (pico.standby.value + SUPERVISION) * 1e-6;
    let volts = 5;
    for (let t = 0; t < days * 86400; t += 60) volts -= (60 * (current + (volts * farads) / 5.5e6)) / farads;
    assert.ok(Math.abs(volts - EMPTY) < 0.01, `${String(days)} days end at ${volts.toFixed(3)} V`);
  }
  assert.is(capacitorFor(pico, longestDays(pico) + 1), null);
});

test.run();
