/** What is said of every board's pins and content, held against its own binding, and the key supply's resistors against what they are to do. */
import * as assert from "uvu/assert";
import { CHARGED, SPREAD, WARNING } from "../../boards/profiles/capacitor.js";
import { profiles } from "../../boards/profiles/index.js";
import { CONTACT, DIVIDER, RAILS } from "../../boards/profiles/parts.js";
import { suite } from "../suite.js";
import { devices, onEngine } from "./engine.js";

const test = suite("pins and parts");

test("every pin of a drawing is led out, and what measures voltage can", () => {
  for (const { title, outside, adc, power, roles } of profiles) {
    const carry = [power?.supply.value, power?.gives?.value, power?.takes?.value];
    for (const pin of adc.value) assert.ok(outside.value.includes(pin), `${title}: ${pin} measures voltage, but is not led out`);
    assert.is(new Set(outside.value).size, outside.value.length, title);
    for (const { role, parts } of roles)
      for (const part of parts)
        for (const { pin, to } of part.connections) {
          const name = `${title} as ${role}: ${pin} of ${part.title}`;
          if (to === "V+" || (to === "5 V" && pin !== "5 V")) assert.ok(carry.includes(pin), name);
          else assert.ok(RAILS.includes(pin) || outside.value.includes(pin), name);
          if (to === "half of C") assert.ok(adc.value.includes(pin), name);
        }
  }
});

test("each drawing has what gives its rails, and one ground", () => {
  for (const { title, roles } of profiles)
    for (const { role, parts } of roles.filter((wiring) => wiring.parts.length)) {
      const given = parts.filter(({ symbol }) => symbol !== "slot").flatMap((part) => part.connections.map(({ to }) => to));
      const wanted = new Set(
        parts.flatMap((part) => part.connections.flatMap(({ pin, resistor }) => [pin, ...(resistor === undefined ? [] : ["V+"])])),
      );
      for (const rail of ["V+", "5 V"]) if (wanted.has(rail)) assert.ok(given.includes(rail), `${title} as ${role}: nothing gives ${rail}`);
      assert.is(
        parts.flatMap((part) => part.connections).filter(({ pin, to }) => pin === "GND" && to === "GND" && given.includes(to)).length > 0,
        true,
      );
    }
});

for (const [profile, role] of devices)
  test(`${profile.title} as ${role}: the binding watches pins that the chip can watch together, and holds as much content as is said`, async () => {
    const content = profile.roles.find((wiring) => wiring.role === role)?.content ?? null;
    await onEngine(profile, role, 0x1000000, (engine, _binding, make) => {
      const board = make();
      const nothing = (): void => undefined;
      Object.assign(globalThis, { Bangle: { on: nothing } });
      board.keySupply?.onPowerFail(nothing);
      board.onTamper?.(nothing);
      board.onContact?.(nothing);
      board.onTouch?.(nothing);
      board.sleep(true);
      // an STM32 has one interrupt line for all pins of a number (targets/stm32/jshardware.c, jshCanWatch)
      const lines = engine.watched.map((pin) => (profile.chip.value.startsWith("STM32") ? pin.slice(1) : pin));
      assert.is(new Set(lines).size, lines.length, `watched: ${engine.watched.join()}`);
      assert.is(board.contentStore?.capacity, content?.bytes);
    });
  });

test("the divider keeps the ADC below its reference, and agrees with the bindings' factor", () => {
  const all = DIVIDER.upper + DIVIDER.middle + DIVIDER.lower;
  const half = (DIVIDER.middle + DIVIDER.lower) / all;
  assert.is(1 / half, 2, "keySupply(..., 2, ...)");
  assert.ok(5.5 * half * 1.01 < 3 * 0.98, "a full capacitor reads as more than V+");
  assert.ok(CHARGED > 4.8, "keySupply(..., 4800, ...)");
});

test("a slot's 5 V is a high level and no more than the pin bears, and no slot a low one even where the chip leaks", () => {
  const { upper, lower } = CONTACT;
  for (const slot of [4.5, 5.25]) {
    const volts = (slot * lower) / (upper + lower);
    assert.ok(volts > 0.7 * 3 && volts < 3 + 0.3, `${String(slot)} V give ${volts.toFixed(2)} V`);
  }
  assert.ok(lower <= 8200, "RP2350 data sheet, erratum E9");
});

test("the warning comes while the journal's flash works and the processor is far from its reset", () => {
  const lowest = WARNING * (1 - SPREAD);
  assert.ok(lowest - 0.05 > 2.7, `warned at ${lowest.toFixed(2)} V`);
  for (const { title, standby, brownout } of profiles) {
    assert.is(standby === null, brownout === null, title);
    if (brownout) assert.ok(lowest - brownout.value / 1000 > 0.5, title);
  }
});

test.run();
