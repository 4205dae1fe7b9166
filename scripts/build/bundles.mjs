/** Which bundles there are: entry file, engine, default board, what size is aimed at, and what room the board has. */
import { existsSync, readFileSync, readdirSync } from "node:fs";

export const modulesFolder = "build/es5";

/** Bytes before each file in the engine's Storage. */
const FILE_HEADER = 32;
/** A journal takes two pages of 4 KiB and a file of its own where it lies in Storage. */
const JOURNAL = 2 * 4096 + FILE_HEADER;

/** `budget`: aimed at. `room`: Storage of the default board (boards/profiles, codeArea) less what else lies in it; a larger bundle does not run there. */
const DEVICES = [
  { name: "card", board: "puckjs", budget: 24 * 1024, room: 40960 - JOURNAL - FILE_HEADER },
  { name: "cartridge", board: "pico", budget: 20 * 1024, room: 49152 - FILE_HEADER },
  { name: "reader", board: "pico", budget: 24 * 1024, room: 49152 - FILE_HEADER },
  { name: "client", board: "espruinowifi", budget: 32 * 1024, room: 65536 - FILE_HEADER },
  { name: "selftest", board: null, budget: null, room: null },
];
const ENGINES = ["espruino", "jerryscript"];

/** Names of the boards that `engine` can be built for. */
export function boardNames(engine) {
  const folder = `boards/${engine}/boards`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -3));
}

/** Bundles to build, for one board (its engine's devices only) or for the default boards. Throws when there is no such board. */
export function bundles(board) {
  const engines = board ? ENGINES.filter((engine) => boardNames(engine).includes(board)) : ENGINES;
  if (!engines.length) {
    throw new Error(`there is no board "${board}"; choose one of ${ENGINES.flatMap(boardNames).join(", ")}`);
  }
  /** A board takes the roles that its module has a function for. */
  const takes = (engine, device) =>
    device.board === null ? !board : !board || new RegExp(`^export function ${device.name}\\(`, "m").test(readFileSync(`boards/${engine}/boards/${board}.ts`, "utf8"));
  return engines.flatMap((engine) =>
    DEVICES.filter((device) => takes(engine, device)).map((device) => ({ ...device, engine, source: `boards/${engine}/${device.name}.ts` })),
  );
}

/** The board a bundle is built for; with `asFile` as a list of at most one source file. */
export function boardOf(bundle, board, asFile) {
  const name = board ?? (bundle.engine === "jerryscript" ? "host" : bundle.board);
  if (!asFile) return name;
  const file = `boards/${bundle.engine}/boards/${name}.ts`;
  return bundle.board && existsSync(file) ? [file] : [];
}

/** Beside a bundle for Espruino lies what is stored on the board (tokens.mjs): dist/card.boot0. */
export const storedAs = (file) => file.replace(/\.js$/, ".boot0");

/** Where a bundle goes: dist/card.js, dist/jerryscript/card.js, dist/boards/mdbt42q/card.js. */
export function outputOf(bundle, board) {
  if (board) return `dist/boards/${board}/${bundle.name}.js`;
  return bundle.engine === "espruino" ? `dist/${bundle.name}.js` : `dist/${bundle.engine}/${bundle.name}.js`;
}
