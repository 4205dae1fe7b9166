/** A short tune as an 8 kHz 8-bit mono WAV: the sample that a loan carries when nobody names a file. */

const RATE = 8000;
const BEAT = 0.28;
/** Semitones above A4 and beats; null is a rest. The beginning of "Ode to Joy" (Beethoven, 1824). */
const MELODY: [number | null, number][] = [
  [7, 1],
  [7, 1],
  [8, 1],
  [10, 1],
  [10, 1],
  [8, 1],
  [7, 1],
  [5, 1],
  [3, 1],
  [3, 1],
  [5, 1],
  [7, 1],
  [7, 1.5],
  [5, 0.5],
  [5, 2],
  [7, 1],
  [7, 1],
  [8, 1],
  [10, 1],
  [10, 1],
  [8, 1],
  [7, 1],
  [5, 1],
  [3, 1],
  [3, 1],
  [5, 1],
  [7, 1],
  [5, 1.5],
  [3, 0.5],
  [3, 2],
  [null, 0.5],
];

/** The WAV file, about 74 kB. */
export function makeTune(): Uint8Array {
  const beats = MELODY.reduce((sum, [, length]) => sum + length, 0);
  const samples = Math.round(beats * BEAT * RATE);
  const wav = Buffer.alloc(44 + samples, 128);
  wav.write("RIFF", 0, "latin1");
  wav.writeUInt32LE(36 + samples, 4);
  wav.write("WAVEfmt ", 8, "latin1");
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(RATE, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write("data", 36, "latin1");
  wav.writeUInt32LE(samples, 40);
  let at = 44;
  for (const [tone, length] of MELODY) {
    const count = Math.round(length * BEAT * RATE);
    const frequency = tone === null ? 0 : 440 * 2 ** (tone / 12);
    for (let i = 0; i < count && at < wav.length; i++, at++) {
      const t = i / RATE;
      const envelope = Math.min(1, t * 60) * Math.exp(-3 * t) * Math.min(1, (count - i) / 160);
      const wave =
        Math.sin(2 * Math.PI * frequency * t) + 0.35 * Math.sin(4 * Math.PI * frequency * t) + 0.15 * Math.sin(6 * Math.PI * frequency * t);
      wav[at] = 128 + Math.round(80 * envelope * wave * (frequency > 0 ? 1 : 0));
    }
  }
  return wav;
}
