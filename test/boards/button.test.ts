/** The button held at power-on, on every board's own binding over stand-ins for the engine's globals: all secrets go before the console comes back. */
import * as assert from "uvu/assert";
import type { Board } from "../../boards/board.js";
import { suite } from "../suite.js";
import { devices, onEngine } from "./engine.js";

const test = suite("the button held at power-on");
const MARK = new Uint8Array(64).fill(0x5a);

for (const [profile, role] of devices)
  test(`${profile.title} as ${role}: both of the journal's regions are erased, then the console opens, and nothing starts`, async () => {
    const { boot } = await import("../../boards/espruino/boot.js");
    await onEngine(profile, role, 0x100000, (engine, { BUTTON, PRESSED, CONSOLE }, make) => {
      const made: Board[] = [];
      engine.pressed = 1 - PRESSED;
      boot(BUTTON, PRESSED, CONSOLE, make, (board) => made.push(board));
      const [board] = made;
      assert.ok(board, "it does not start");
      assert.is(engine.events.filter((event) => event !== "radio off" && event !== "erase").at(-1), "closed");
      assert.not(engine.events.includes(CONSOLE));
      for (const region of [0, 1]) board.journal.program(region, board.journal.regionLength - 64, MARK);
      engine.events.length = 0;

      engine.pressed = PRESSED;
      boot(BUTTON, PRESSED, CONSOLE, make, () => engine.events.push("started"));
      const { events } = engine;
      assert.is(events[0], "closed");
      assert.is(events.at(-1), CONSOLE);
      assert.is(events.indexOf(CONSOLE), events.length - 1);
      assert.ok(events.includes("erase"));
      assert.not(events.includes("sent"), "a wire says something");
      assert.not(events.includes("started"));
      assert.not(events.includes("radio off"), "Bluetooth is off, where the console may be");
      for (const region of [0, 1]) {
        const left = new Uint8Array(board.journal.regionLength);
        board.journal.read(region, 0, left);
        assert.ok(
          left.every((byte) => byte === 0xff),
          `region ${String(region)} still holds something`,
        );
      }
    });
  });

test.run();
