/** Where a reader plays to. */
import type { Sink } from "../board.js";
import type { EngineSpi, EngineWaveform, Pin } from "./engine.js";

declare function setTimeout(handler: () => void, milliseconds: number): number;
declare function digitalRead(pin: Pin): number;
declare function analogWrite(pin: Pin, value: number, options: { freq: number }): void;
declare const Waveform: new (samples: number, options: { doubleBuffer: boolean }) => EngineWaveform;

/**
 * A decoder of the VS1053 class behind `spi` (already set up): it takes the bytes of a file as they are, WAV header and all, 32 at a time
 * while `request` is high; `select` is low meanwhile (VLSI VS1053b data sheet, 7.3: serial data interface).
 */
export function decoderSink(spi: EngineSpi, select: Pin, request: Pin): Sink {
  return {
    begin: function (): void {},
    write: function (bytes: Uint8Array, ready: () => void): void {
      let at = 0;
      const own = new Uint8Array(bytes);
      function pump(): void {
        while (at < own.length && digitalRead(request)) {
          spi.send(own.subarray(at, at + 32 < own.length ? at + 32 : own.length), select);
          at += 32;
        }
        setTimeout(at < own.length ? pump : ready, at < own.length ? 2 : 0);
      }
      pump();
    },
    end: function (): void {},
  };
}

/** No byte output; for boards that only sound. */
export function noSink(): Sink {
  return {
    begin: function (): void {},
    write: function (_bytes: Uint8Array, ready: () => void): void {
      setTimeout(ready, 0);
    },
    end: function (): void {},
  };
}

/** Samples in each of the two buffers. */
const SAMPLES = 960;
const SILENCE = 128;

/**
 * Unsigned 8-bit mono audio by pulse width on `pin`, beside `bytes`, which gets every byte of every content. The engine's timer plays
 * one buffer while the other is filled; where data comes late it plays silence.
 */
export function audioSink(pin: Pin, bytes: Sink): Sink {
  const nothing = new Uint8Array(0);
  let wave: EngineWaveform | undefined = undefined;
  let filling: Uint8Array = nothing;
  let used = 0;
  let rate = 0;
  /** Buffers that hold something not yet played. */
  let held = 0;
  let playing = false;
  let ending = false;
  /** What did not fit, and whom to call once it does. */
  let rest: Uint8Array = nothing;
  let waiting: (() => void) | undefined = undefined;

  function start(output: EngineWaveform): void {
    playing = true;
    analogWrite(pin, 0.5, { freq: 62500 });
    output.startOutput(pin, rate, { repeat: true });
  }
  /** Takes of `data` what fits; the rest waits in `rest`. */
  function take(output: EngineWaveform, data: Uint8Array): void {
    let at = 0;
    let count = 0;
    while (at < data.length && used < SAMPLES) {
      count = SAMPLES - used;
      if (count > data.length - at) count = data.length - at;
      if (!used) held++;
      filling.set(data.subarray(at, at + count), used);
      used += count;
      at += count;
      if (used === SAMPLES && !playing) {
        if (filling === output.buffer) {
          filling = output.buffer2;
          used = 0;
        } else start(output);
      }
    }
    rest = at < data.length ? new Uint8Array(data.subarray(at)) : nothing;
  }
  /** The engine has finished `done` and plays the other buffer by now. */
  function played(done: Uint8Array): void {
    const then = waiting;
    if (!wave) return;
    if (used < SAMPLES) filling.fill(SILENCE, used);
    held--;
    filling = done === wave.buffer ? wave.buffer : wave.buffer2;
    used = 0;
    if (rest.length) take(wave, rest);
    else if (ending && held <= 0) {
      wave.stop();
      wave = undefined;
    }
    if (then && !rest.length) {
      waiting = undefined;
      then();
    }
  }
  return {
    begin: function (samplesPerSecond: number): void {
      bytes.begin(samplesPerSecond);
      rate = samplesPerSecond;
      playing = ending = false;
      used = held = 0;
      rest = nothing;
      if (!rate) return;
      wave = new Waveform(SAMPLES, { doubleBuffer: true });
      filling = wave.buffer;
      wave.on("buffer", played);
    },
    write: function (data: Uint8Array, ready: () => void): void {
      if (!wave) {
        bytes.write(data, ready);
        return;
      }
      bytes.write(data, function () {});
      take(wave, data);
      if (rest.length) waiting = ready;
      else setTimeout(ready, 0);
    },
    end: function (): void {
      bytes.end();
      ending = true;
      if (!wave || playing) return;
      if (!held) {
        wave = undefined;
        return;
      }
      filling.fill(SILENCE, used);
      if (filling === wave.buffer) wave.buffer2.fill(SILENCE);
      start(wave);
    },
  };
}
