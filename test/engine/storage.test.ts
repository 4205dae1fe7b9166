import * as assert from "uvu/assert";
import { bundle as bundleText } from "../../bench/bundle.js";
import { espruinoDevice } from "../../sim/engine/espruino.js";
import { generator } from "../link/wire.js";
import { suite } from "../suite.js";
import { ESPRUINO, temporary, until, wait } from "./support.js";

const test = suite("the journal under a real engine that is killed");
const KILLS = 25;

/**
 * Opens the journal as a board's binding does, in pages of Storage by address; tells what it finds, then appends one counter after the other and tells of each that
 * the journal has taken. A second value stands beside it and is copied whenever the journal moves on to its other region.
 */
const ENTRY = `
import { journalIn } from "./boards/pages.js";
import { storagePages } from "./boards/espruino/flash.js";
import { createJournal, journalGet, journalPut } from "./src/core/journal.js";
import { adoptNatives } from "./src/core/adopt.js";
import { get32, put32 } from "./src/core/bytes.js";
declare const Serial6: { write(text: string): void };
declare const E: any;
declare function require(name: string): any;
adoptNatives({ sha256: require("crypto").SHA256, convolve: E.convolve, crc32: E.CRC32 });
const value = new Uint8Array(240);
const beside = new Uint8Array(100);
const journal = createJournal(journalIn(storagePages(442368, 40960, 0), 4096));
let found = journalGet(journal, 2, 0, value) === 240 ? get32(value, 0) : 0;
let standing = journalGet(journal, 3, 0, beside);
let i = 0;
for (i = 4; i < 240; i++) if (found > 0 && value[i] !== (found & 255)) standing = -9;
for (i = 0; i < standing; i++) if (beside[i] !== 90) standing = -8;
if (standing === 0) {
  beside.fill(90);
  journalPut(journal, 3, 0, beside);
}
Serial6.write("S" + found + "," + standing + "," + journal.generation + ";");
function append(): void {
  found++;
  value.fill(found & 255);
  put32(value, 0, found);
  if (journalPut(journal, 2, 0, value)) Serial6.write("C" + found + ";");
  else Serial6.write("X" + found + ";");
  setTimeout(append, 0);
}
setTimeout(append, 0);
E.setConsole(null, { force: true });
`;

test.when(ESPRUINO !== "", "ESPRUINO is not set")(
  `killed ${String(KILLS)} times while it appends, it starts with the newest value that it had taken, or the one that it was taking`,
  async () => {
    const device = await espruinoDevice({ program: ESPRUINO, bundle: await bundleText(ENTRY, "espruino"), folder: temporary(), wires: 0 });
    const draw = generator(26);
    let told = "";
    let taken = 0;
    let generation = 0;
    device.bench.onReceive((bytes) => (told += Buffer.from(bytes).toString("latin1")));
    try {
      for (let kill = 0; kill <= KILLS; kill++) {
        told = "";
        await device.powerOn();
        await until(() => /S\d+,-?\d+,\d+;/.test(told), "the journal to open");
        const [, found, standing, regions] = /S(\d+),(-?\d+),(\d+);/.exec(told) ?? [];
        assert.ok(Number(found) >= taken, `${found} found, though ${String(taken)} had been taken before kill ${String(kill)}`);
        // What was taken after the last line that came through the pipe is newer still.
        assert.ok(kill === 0 || Number(found) <= taken + 200, `${found} found, never written`);
        assert.is(standing, kill === 0 ? "0" : "100", "the value beside it");
        generation = Number(regions);
        await until(() => (told.match(/C/g)?.length ?? 0) >= 4, "some values to be taken");
        await wait(draw() % 60);
        await device.powerOff();
        await wait(20); // the pipe's rest
        assert.not.match(told, /X\d+;/, "the journal refused a value");
        const last = [...told.matchAll(/C(\d+);/g)].at(-1);
        if (last) taken = Number(last[1]);
      }
      assert.ok(taken >= 4 * KILLS, `only ${String(taken)} values were written`);
      assert.ok(generation > 5, `the journal moved to its other region ${String(generation)} times`);
      console.log(`${String(taken)} appends, ${String(KILLS)} kills, ${String(generation)} times a region was taken into use`);
    } finally {
      await device.dispose();
    }
  },
);

test.run();
