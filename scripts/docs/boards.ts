/** Writes docs/boards.md and docs/wiring/*.svg from the board profiles. `npm run docs:boards`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CHARGED,
  SPREAD,
  SUPERVISION,
  TIME_CONSTANT,
  TOLERANCE,
  WARNING,
  capacitorFor,
  longestDays,
} from "../../boards/profiles/capacitor.js";
import { DEFAULT_BOARD, profiles } from "../../boards/profiles/index.js";
import { puckjs } from "../../boards/profiles/puckjs.js";
import { ENGINE, NEEDED, SPARE, fits } from "../../boards/profiles/memory.js";
import type { BoardProfile, Fact, Role } from "../../boards/profiles/profile.js";
import { wiringSvg } from "./wiring.js";

const ROLES: readonly Role[] = ["card", "cartridge", "reader", "client"];
const DAYS = [1, 7, 30];

function size(bytes: number): string {
  if (bytes >= 1 << 30) return `${String(bytes / (1 << 30))} GiB`;
  if (bytes >= 1 << 20) return `${(bytes / (1 << 20)).toFixed(2).replace(/\.?0+$/, "")} MiB`;
  return `${(bytes / 1024).toFixed(1).replace(/\.0$/, "")} KiB`;
}
const farads = (value: number | null): string =>
  value === null ? "out of reach" : value < 0.1 ? `${(value * 1000).toFixed(0)} mF` : `${value.toFixed(1)} F`;
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

function fact<T>(name: string, from: Fact<T> | null, show: (value: T) => string = String): string[] {
  return from === null ? [name, "none", ""] : [name, show(from.value), from.source];
}

/** Names one after the other, three and more that follow each other as a range. */
function list(names: readonly string[]): string {
  const runs: string[][] = [];
  for (const name of names) {
    const last = runs.at(-1)?.at(-1);
    const [, letter, number] = /^([A-Z])(\d+)$/.exec(last ?? "") ?? [];
    if (letter !== undefined && name === letter + String(Number(number) + 1)) runs.at(-1)?.push(name);
    else runs.push([name]);
  }
  return runs.flatMap((run) => (run.length < 3 ? run : [`${run[0] ?? ""}-${run.at(-1) ?? ""}`])).join(", ") || "none";
}

function boardSection(profile: BoardProfile): string {
  const rows = [
    fact("chip", profile.chip),
    fact(profile.variableBytes === null ? "heap" : "variables", profile.variables, (value) =>
      profile.variableBytes === null ? size(value) : `${String(value)} of ${String(profile.variableBytes.value)} bytes`,
    ),
    fact("code area", profile.codeArea, size),
    fact("flash page", profile.flashPage, size),
    fact("native cryptography", profile.nativeCrypto, list),
    fact("random numbers", profile.random),
    fact("led out", profile.outside, list),
    fact("measures voltage on", profile.adc, list),
    ...(profile.power === null
      ? []
      : [fact("about 3 V on", profile.power.supply), fact("gives 5 V on", profile.power.gives), fact("takes 5 V on", profile.power.takes)]),
    fact("serial ports", profile.serial, list),
    fact("receive buffer", profile.receiveBuffer, (value) => `${String(value)} bytes`),
    ...(profile.standby === null
      ? []
      : [
          fact("standby, at worst", profile.standby, (value) => `${String(value)} µA`),
          fact("resets below, at worst", profile.brownout, (value) => `${String(value)} mV`),
        ]),
    fact("clock error, at worst", profile.clock, (value) => `${String(value)} ppm`),
  ];
  const roles = profile.roles.map((wiring) => [
    wiring.role,
    `${String(wiring.chunk)} bytes`,
    wiring.content === null ? "none" : `${size(wiring.content.bytes)}: ${wiring.content.where}`,
    wiring.journal,
  ]);
  const pictures = profile.roles
    .filter((wiring) => wiring.parts.length)
    .map((wiring) => `![${profile.title} as ${wiring.role}](wiring/${profile.name}-${wiring.role}.svg)`);
  const capacitor =
    profile.standby === null
      ? ""
      : `Key capacitor: ${DAYS.map((days) => `${String(days)} ${days === 1 ? "day" : "days"} ${farads(capacitorFor(profile, days))}`).join(", ")}; at most ${String(longestDays(profile))} days with any of this class.\n\n`;
  return `## ${profile.title}

\`--board ${profile.name}\` · ${profile.engine === "espruino" ? `Espruino build ${profile.engineBoard}` : profile.engineBoard}

${table(["what", "value", "source"], rows)}

${table(["role", "chunk", "largest content", "journal"], roles)}

${capacitor}${profile.notes.map((note) => `- ${note}`).join("\n")}

${pictures.join("\n\n")}
`;
}

/** Every file that the profiles make, by its path under docs. */
export function boardDocuments(): Map<string, string> {
  const files = new Map<string, string>();
  for (const profile of profiles) {
    for (const wiring of profile.roles)
      if (wiring.parts.length) files.set(`wiring/${profile.name}-${wiring.role}.svg`, wiringSvg(profile, wiring));
  }
  const overview = profiles.map((profile) => [
    `[${profile.title}](#${profile.title
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replace(/ /g, "-")})`,
    `\`${profile.name}\``,
    ...ROLES.map((role) =>
      profile.roles.some((wiring) => wiring.role === role) ? (DEFAULT_BOARD[role] === profile.name ? "default" : "yes") : "",
    ),
    profile.nativeCrypto.value.join(", ") || "none",
  ]);
  const memory = profiles.flatMap((profile) =>
    profile.roles.flatMap(({ role }) => {
      const need = NEEDED[role];
      if (profile.variableBytes === null) return [];
      const fit = fits(profile, role) ? "yes" : "no";
      return [
        [
          profile.title,
          role,
          String(profile.variables.value),
          String(need.boot),
          String(need.resting),
          String(need.deepest),
          String(need.inside),
          fit,
        ],
      ];
    }),
  );
  files.set(
    "boards.md",
    `# Boards

This page is made from \`boards/profiles\` by \`npm run docs:boards\`. Sources named \`boards/...\`, \`src/...\`, \`targets/...\` and \`scripts/...\` are files of the
public source of [Espruino](https://github.com/espruino/Espruino) 2v29, which builds on Linux by its own README, as does
[JerryScript](https://github.com/jerryscript-project/jerryscript).

${table(["board", "name", ...ROLES, "native cryptography"], overview)}

## Memory

What answers a command, and the arithmetic of an authentication, is made when it is needed and given back afterwards. All figures were measured on Espruino
itself, with variables of 13 bytes: of card, cartridge and reader in a whole loan with its enrollment, of a client that was registered and enabled, authenticated, took an order and
licenses, and played under both from its own store. A cartridge is at rest in a reader, with its session open, a reader after a play.

Between events is the most that was held after any event. Inside events more is held: that was found by an Espruino that counts at every allocation, and collects garbage before the
figure would grow; the bench's calls are left out, and some 35 added for timers and ports of the engine's own. A board fits where ${String(SPARE)} variables are left at that moment, besides some ${String(ENGINE)} that the engine holds
itself. A Puck.js as card leaves ${String(puckjs.variables.value - ENGINE - NEEDED.card.inside)}. As cartridge it would not have enough, nor would an MDBT42Q, and neither is offered as one.

${table(["board", "role", "variables", "after boot", "at rest", "between events", "inside events", "fits"], memory)}

## Putting firmware on a board

    ./flash.sh card --port /dev/ttyUSB0
    ./flash.sh cartridge --port /dev/ttyACM0 --board pico
    ./flash.sh selftest --port tcp://192.168.1.50
    ./flash.sh card --ble "Puck.js"

\`--dry-run\` prints the commands of the flashing tool instead of running them. Run \`selftest\` first on a new board: it prints one line for each
primitive and ends with a count. Flashing erases everything that was on the board; it has succeeded when the board has told the length and the CRC-32 of
what it stored. \`--ble\` takes a board's address or a part of its name, and needs a Bluetooth adapter that this user may use (on Linux
\`setcap cap_net_raw+eip\` on the \`node\` program).

The bundle is stored as \`.boot0\`, which the engine runs in place from flash at every power-on: \`dist/card.boot0\`, which is \`dist/card.js\` in
the engine's own tokens (src/jslex.h), some 15 percent shorter. Espruino reads them from 2v26 on. From then on the engine's console is closed on USB,
Bluetooth and every wire. To flash again, hold the board's button while it gets power: the firmware first erases its journal, with every key
in it, and then gives the console back: on USB where the board has that, on the nRF52 boards over Bluetooth (\`--ble\` in place of \`--port\`, or the engine's own web IDE), on
the micro:bit and the ESP32 on Serial1 at 115,200 baud, for which a micro:bit needs \`--baud 115200\`.

What the engine computes natively is tried against known answers at every start. Where one is wrong, the firmware computes that itself, more slowly
(arithmetic of a first authentication some thirty times), and says which in its description (\`leyden card\`; docs/protocol.md). A bundle that its
board has no room for with that code leaves it out, which the build tells; then the device does not start, and its LED blinks. The
default boards have the room.

## Where state is kept

The engine's Storage moves files in place when it is full, and a power cut then loses some. So the first start takes what room is needed as one
file, \`.leyden\`, and after that the firmware programs and erases whole pages inside it, and never makes, moves or deletes a file. Boards whose
Storage has too few pages keep the journal in a NOR flash outside.

## The key capacitor

A double-layer capacitor loses charge to its load and through itself. With load I, self-discharge time constant τ, charged to V₀ and usable down
to V₁, the least capacitance for a time T is

    C = I τ (1 − exp(−T/τ)) / (V₀ exp(−T/τ) − V₁)

V₀ is ${CHARGED.toFixed(1)} V. V₁ is where the comparator warns and the firmware erases the key: ${WARNING.toFixed(2)} V, and ${String(100 * SPREAD)} percent more for the parts' tolerances. That is early enough for
the flash chip with the journal, which wants 2.7 V, and leaves the overwrite more than a volt down to the processor's reset. τ is
${(TIME_CONSTANT / 86400).toFixed(0)} days, for a capacitor that has been charged for some days. The key is in the processor's own memory, so I is all that hangs on V+, the board's standby,
and ${String(SUPERVISION)} µA for the key supply itself: divider, comparator, case switch and leakage. All are the most that the data sheets allow at 55 °C; at room temperature the
processors' part is an eighth. The figures for each board include the minus ${((1 - TOLERANCE) * 100).toFixed(0)} percent that capacitors are sold with. The capacitor is the fail-safe, not the clock: the
timer erases at the deadline, and running dry comes later.

A kiosk's slot has one contact more than a reader's, \`charge\`: 5.5 V, at most 1 A. From it the capacitor is charged through D1, and from nothing else. While a slot supplies the
board, Q1 keeps the capacitor out of it.

## The host program for JerryScript

JerryScript has no serial ports, timers or flash of its own. \`boards/jerryscript/host\` is a small program that gives it these. With \`JERRY_HOME\` naming
the folder into which JerryScript's own build has installed its headers and libraries, the tests compile it, by

    cc -std=gnu11 -O2 -o build/jerryscript-host boards/jerryscript/host/*.c \\
      -I$JERRY_HOME/include -L$JERRY_HOME/lib -ljerry-core -ljerry-ext -ljerry-port -lm

and \`build/jerryscript-host dist/jerryscript/card.js flash.bin played.bin /dev/ttyUSB0\` is a card on a serial port.

${profiles.map(boardSection).join("\n")}`,
  );
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const docs = fileURLToPath(new URL("../../docs", import.meta.url));
  mkdirSync(join(docs, "wiring"), { recursive: true });
  for (const [name, content] of boardDocuments()) writeFileSync(join(docs, name), content);
}
