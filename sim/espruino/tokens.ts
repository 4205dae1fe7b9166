/** What Espruino's lexer makes of a stored bundle (src/jslex.c, jslSingleChar and jslGetNextToken), as text. */

const FIRST = 138;
const ANY = /[\x8a-\xff]/;
const WORDS = [
  ..."== === != !== <= << <<= >= >> >>> >>= >>>= += -= ++ -- *= /= %= &= && |= || ^= =>".split(" "),
  ..."if else do while for break continue function return var let const this throw try catch finally true false null undefined".split(" "),
  ..."new in instanceof switch case default delete typeof void debugger class extends super static of".split(" "),
];
const RAW_STRING = 209;
const RAW_ZERO = 211;
const RAW_SHORT = 212;
const RAW_LONG = 213;

const word = /[\w$]/;

/**
 * The text of `stored`, a character a byte; a text without tokens comes back as it is.
 *
 * @throws Error at a byte that the engine takes for no token
 */
export function readTokens(stored: string): string {
  if (!ANY.test(stored)) return stored;
  const pieces: string[] = [];
  let at = 0;
  let last = "";
  let afterToken = false;
  while (at < stored.length) {
    const code = stored.charCodeAt(at++);
    let piece = String.fromCharCode(code);
    const token = code >= FIRST;
    if (code === RAW_STRING) {
      const length = stored.charCodeAt(at++);
      piece = JSON.stringify(stored.slice(at, at + length));
      at += length;
    } else if (code === RAW_ZERO) piece = "0";
    else if (code === RAW_SHORT) piece = String((stored.charCodeAt(at++) << 24) >> 24);
    else if (code === RAW_LONG) {
      piece = String(((stored.charCodeAt(at) << 16) | (stored.charCodeAt(at + 1) << 24)) >> 16);
      at += 2;
    } else if (token && code - FIRST < WORDS.length) piece = WORDS[code - FIRST];
    else if (token) throw new Error(`The engine knows no token ${String(code)}, at byte ${String(at - 1)}.`);
    if ((token || afterToken) && word.test(last) && word.test(piece[0])) pieces.push(" ");
    pieces.push(piece);
    last = piece[piece.length - 1];
    afterToken = token;
  }
  return pieces.join("");
}
