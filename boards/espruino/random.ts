import type { EngineE, Pin } from "./engine.js";

declare const E: EngineE;
declare function analogRead(pin: Pin): number;

/** `Board.entropy`: the chip's generator on nRF52 and RP2350, ADC noise on STM32F4; never on an ESP32, where it begins alike at every start (see pinNoise). */
export function entropy(out: Uint8Array): void {
  let word = 0;
  for (let i = 0; i < out.length; i++) {
    if (!(i & 3)) word = E.hwRand();
    out[i] = word;
    word >>>= 8;
  }
}

/** `Board.entropy` from the lowest bits of a floating analog pin, 32 readings to a byte. Noise, not random bits: core conditions it. */
export function pinNoise(pin: Pin): (out: Uint8Array) => void {
  return function entropy(out: Uint8Array): void {
    let value = 0;
    for (let i = 0; i < out.length; i++) {
      value = 0;
      for (let j = 0; j < 32; j++) value = ((value << 3) ^ (value >>> 29) ^ (analogRead(pin) * 65536)) | 0;
      out[i] = value ^ (value >> 8) ^ (value >> 16) ^ (value >> 24);
    }
  };
}
