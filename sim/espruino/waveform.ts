/** The engine's Waveform: samples played at a steady rate from one or two buffers (src/jswrap_waveform.c). */
import type { Clock, Scheduled } from "../clock.js";
import type { EngineContext } from "./context.js";

export interface WaveformBoard {
  readonly sandbox: EngineContext | undefined;
  readonly clock: Clock;
  run(task: () => void): void;
  /** Samples went out on `pin`; `undefined` marks begin (no samples yet) and end. */
  played(pin: string, what: "begin" | "end" | Uint8Array): void;
}

interface WaveformObject {
  buffer: Uint8Array;
  buffer2?: Uint8Array;
  running: boolean;
  [member: string]: unknown;
}

/** The constructor to be put into the context. Stops by itself when the board's sandbox is gone. */
export function waveformConstructor(board: WaveformBoard, sandbox: EngineContext): unknown {
  return function Waveform(samples: number, options?: { doubleBuffer?: boolean; bits?: number }): WaveformObject {
    if (options?.bits && options.bits !== 8) throw sandbox.error("the simulator plays 8-bit waveforms only");
    const listeners: Record<string, ((buffer: Uint8Array) => void)[]> = {};
    let turn: Scheduled | undefined;
    let pin = "";
    const wave = sandbox.object({ running: false }) as WaveformObject;
    wave.buffer = sandbox.bytes(new Uint8Array(samples));
    if (options?.doubleBuffer) wave.buffer2 = sandbox.bytes(new Uint8Array(samples));
    const emit = (event: string, buffer: Uint8Array): void => {
      board.run(() => {
        for (const listener of listeners[event] ?? []) listener(buffer);
      });
    };
    wave.on = (event: string, listener: (buffer: Uint8Array) => void) => {
      (listeners[event] ??= []).push(listener);
    };
    wave.startOutput = (output: unknown, rate: number, how?: { repeat?: boolean }) => {
      if (wave.running) throw sandbox.error("Waveform is already running");
      if (!(rate >= 0.001)) throw sandbox.error("Frequency must be above 0.001Hz");
      pin = String(output);
      wave.running = true;
      board.played(pin, "begin");
      let current = wave.buffer;
      const turnOver = (): void => {
        if (board.sandbox !== sandbox) return;
        const done = current;
        board.played(pin, done);
        if (!how?.repeat) {
          wave.running = false;
          board.played(pin, "end");
          emit("finish", done);
          return;
        }
        current = wave.buffer2 && done === wave.buffer ? wave.buffer2 : wave.buffer;
        turn = board.clock.after((samples / rate) * 1e6, turnOver);
        if (wave.buffer2) emit("buffer", done);
      };
      turn = board.clock.after((samples / rate) * 1e6, turnOver);
    };
    wave.stop = () => {
      if (!wave.running) throw sandbox.error("Waveform is not running");
      board.clock.cancel(turn);
      wave.running = false;
      board.played(pin, "end");
    };
    return wave;
  };
}
