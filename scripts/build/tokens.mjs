/**
 * A bundle as it is stored on Espruino boards: with the engine's own tokens (src/jslex.h) in place of reserved words, operators, strings and whole numbers. The
 * engine reads these as it reads the text, from 2v26 on, from fewer bytes and with less work.
 *
 * | byte       | what                                                                      |
 * | ---------- | ------------------------------------------------------------------------- |
 * | 138 to 198 | an operator or a reserved word, in the order of `WORDS`                   |
 * | 209        | a string: length 1, then its bytes                                        |
 * | 211        | 0                                                                         |
 * | 212, 213   | a whole number, two's complement, in 1 byte, or in 2, the lower one first |
 *
 * `sim/espruino/tokens.ts` reads it back.
 */
import { tokenizer } from "acorn";

const FIRST = 138;
const WORDS = (
  "== === != !== <= << <<= >= >> >>> >>= >>>= += -= ++ -- *= /= %= &= && |= || ^= => " +
  "if else do while for break continue function return var let const this throw try catch finally true false null undefined new in instanceof " +
  "switch case default delete typeof void debugger class extends super static of"
).split(" ");
const STRING = 209;
const ZERO = 211;
const SHORT = 212;
const LONG = 213;

/** After these a minus belongs to the number that follows. */
const BEFORE_SIGN = ["(", ",", "[", "?", ":", "=", "return", "case", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "&&", "||", "&", "|", "^"];

const isWordy = (character) => /[\w$]/.test(character);

/** A whole number in the engine's form; null beyond 16 bits. */
function wholeNumber(value) {
  if (value === 0) return [ZERO];
  if (value >= -128 && value < 128) return [SHORT, value & 255];
  if (value >= -32768 && value < 32768) return [LONG, value & 255, (value >> 8) & 255];
  return null;
}

/** The engine's form of a token; null where its text is shorter, or could be spelled in another way. */
function encoded(label, text, value) {
  if (label === "num") return /^[1-9]\d+$|^0$/.test(text) ? wholeNumber(value) : null;
  if (label === "string") return /^"[ !#-[\]-~]{1,255}"$/.test(text) ? [STRING, value.length, ...Buffer.from(value, "latin1")] : null;
  return WORDS.includes(text) ? [FIRST + WORDS.indexOf(text)] : null;
}

/**
 * The stored form of `source`, a bundle in ES5 as the build makes it: ASCII, no comment, no space but where two words or signs would run together.
 *
 * Throws an Error where there is more than that, since what is read back would then be another text.
 */
export function tokenise(source) {
  const out = [];
  let end = 0;
  let last = { text: "", before: "", short: true };
  for (const { type, value, start, end: next } of tokenizer(source, { ecmaVersion: 5 })) {
    const text = source.slice(start, next);
    const between = source.slice(end, start);
    const wordy = isWordy(source[end - 1] ?? "") && isWordy(text[0]);
    let bytes = encoded(type.label, text, value);
    if (!/^[\n -~]*$/.test(text) || (between !== "" && (between !== " " || !(wordy || /^[+-]/.test(text)))))
      throw new Error(`expected minified ASCII, and found "${between}${text}" at ${start}`);
    if (type.label === "num" && last.text === "-" && bytes !== null && value !== 0 && BEFORE_SIGN.includes(last.before)) {
      out.pop();
      bytes = wholeNumber(-value);
    }
    // Where either is a token of the engine's the two cannot run together.
    if (between !== "" && (!wordy || (bytes === null && !last.short))) out.push(32);
    out.push(...(bytes ?? Buffer.from(text, "latin1")));
    last = { text, before: last.text, short: bytes !== null };
    end = next;
  }
  const rest = source.slice(end);
  if (!/^\n?$/.test(rest)) throw new Error(`expected the end of a minified bundle, and found "${rest}"`);
  return Uint8Array.from([...out, ...Buffer.from(rest, "latin1")]);
}
