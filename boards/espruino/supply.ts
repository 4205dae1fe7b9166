/** Pins around the key capacitor and the case. */
import type { KeySupply } from "../board.js";
import type { EngineE, Pin, WatchOptions } from "./engine.js";

declare const E: EngineE;
declare function analogRead(pin: Pin): number;
declare function setDeepSleep(on: number): void;
declare function setTimeout(handler: () => void, milliseconds: number): number;
declare function setWatch(handler: (event: { state: boolean }) => void, pin: Pin, options: WatchOptions): number;
declare function digitalRead(pin: Pin): number;

const AWAKE = 10000;

/**
 * The key capacitor behind a divider (`ratio`: its voltage over that at `adc`), full from `charged` millivolts on, and a power-fail
 * comparator that pulls `fail` low.
 */
export function keySupply(adc: Pin, ratio: number, charged: number, fail: Pin): KeySupply {
  return {
    charged: charged,
    millivolts: function (): number {
      return Math.floor(analogRead(adc) * E.getAnalogVRef() * ratio * 1000);
    },
    onPowerFail: function (handler: () => void): void {
      setWatch(handler, fail, { edge: "falling", repeat: false });
    },
  };
}

/** `Board.onTamper`: a switch that opens with the case and lets `pin` rise. */
export function tamperSwitch(pin: Pin): (handler: () => void) => void {
  return function onTamper(handler: () => void): void {
    setWatch(handler, pin, { edge: "rising", repeat: false });
  };
}

/** `Board.onContact`: the slot's supply, divided, holds `pin` high. */
export function contact(pin: Pin): (handler: (docked: boolean) => void) => void {
  return function onContact(handler: (docked: boolean) => void): void {
    setWatch(
      function (event) {
        handler(event.state);
      },
      pin,
      { edge: "both", repeat: true, debounce: 5 },
    );
    if (digitalRead(pin)) handler(true);
  };
}

/** `Board.onTouch` on a plain button that drives `pin` high while pressed (or low: `edge` "falling"). */
export function button(pin: Pin, edge: "rising" | "falling"): (handler: (x: number, y: number) => void) => void {
  return function onTouch(handler: (x: number, y: number) => void): void {
    setWatch(
      function () {
        handler(0, 0);
      },
      pin,
      { edge: edge, repeat: true, debounce: 25 },
    );
  };
}

/** `length` bytes of key memory in the processor's RAM, flat, so that an overwrite reaches the one copy; undefined when it is not flat. */
export function ramKeyMemory(length: number): Uint8Array | undefined {
  const memory = new Uint8Array(length);
  return E.getAddressOf(memory, true) ? memory : undefined;
}

/**
 * `Board.sleep` on an STM32, whose UART is deaf in deep sleep: the first falling edge on `rx` wakes it for `AWAKE` ms, or until it sleeps
 * again. The byte that woke it is lost; the sender's link repeats its block.
 */
export function sleepUntilWire(rx: Pin): (deep: boolean) => void {
  let wanted = false;
  let watching = false;
  function doze(): void {
    if (!wanted) return;
    if (!watching) setWatch(wake, rx, { edge: "falling", repeat: false });
    watching = true;
    setDeepSleep(1);
  }
  function wake(): void {
    watching = false;
    setDeepSleep(0);
    setTimeout(doze, AWAKE);
  }
  return function sleep(deep: boolean): void {
    wanted = deep;
    if (deep) doze();
    else setDeepSleep(0);
  };
}
