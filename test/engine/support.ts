/** Real interpreters for tests, from the environment, and folders for what they keep. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An Espruino built for Linux. */
export const ESPRUINO = process.env.ESPRUINO ?? "";
/** The same as a 32-bit build with the 2,630 variables of a Puck.js. */
export const ESPRUINO_SMALL = process.env.ESPRUINO_SMALL ?? "";
/** Headers and libraries of an installed JerryScript. */
export const JERRY_HOME = process.env.JERRY_HOME ?? "";
/** The plain command of JerryScript. */
export const JERRY = process.env.JERRY ?? "";

export const temporary = (): string => mkdtempSync(join(tmpdir(), "leyden-engine-"));
export const bundle = (name: string): string => readFileSync(join("dist", `${name}.js`), "utf8");
export const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Output of a program that gets no input; it is killed after `limit` milliseconds, since engines end in a prompt. */
export function output(program: string, args: readonly string[], folder: string, limit = 60_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    child.on("error", reject);
    child.stdout.on("data", (data: Buffer) => (text += data.toString("latin1")));
    child.stderr.on("data", (data: Buffer) => (text += data.toString("latin1")));
    child.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

/** Polls until `condition` holds; rejects with `what` after `limit` milliseconds. */
export async function until(condition: () => boolean, what: string, limit = 20_000): Promise<void> {
  const end = Date.now() + limit;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${String(limit)} ms for ${what}`);
    await wait(20);
  }
}
