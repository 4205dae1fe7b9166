import { BadInput } from "./bad-input.js";

/** Reads an option's value: a whole number from `lowest` to `highest`, or a BadInput that says so. */
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
