import { readFileSync } from "node:fs";
import { BadInput } from "./bad-input.js";

/** A whole number from `lowest` to `highest`. */
export function whole(option: string, lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < lowest || value > highest)
      throw new BadInput(
        `${option} takes a whole number from ${String(lowest)} to ${String(highest)}, not ${text === "" ? "nothing" : text}.`,
      );
    return value;
  };
}

/** An address of something that speaks HTTP. */
export function httpAddress(option: string): (text: string) => string {
  return (text) => {
    if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
      throw new BadInput(`${option} takes an address as http://127.0.0.1:7070, not ${text === "" ? "nothing" : text}.`);
    return text;
  };
}

/** What stands in a file, without the end of its line. */
export function readText(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    throw new BadInput(`${option} names ${file}, which cannot be read; name a file that exists.`);
  }
}
