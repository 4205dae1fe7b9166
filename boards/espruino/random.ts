import type { EngineE } from "./engine.js";

declare const E: EngineE;

/** `Board.entropy`: the chip's generator on nRF52 and RP2350, ADC noise on STM32F4, nothing of worth on an ESP32. */
export function entropy(out: Uint8Array): void {
  let word = 0;
  for (let i = 0; i < out.length; i++) {
    if (!(i & 3)) word = E.hwRand();
    out[i] = word;
    word >>>= 8;
  }
}
