/**
 * Builds a bundle and hands it to the `espruino` tool, which stores it in the board's flash as ".boot0", from where the engine runs it in
 * place at every power-on. Everything that was on the board is erased first: a new firmware on old journals would be a device with
 * another's memory, and Storage would have to compact itself to make room.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import { boardNames, bundles, outputOf, storedAs } from "./build/bundles.mjs";
import { upToDate } from "./build/report.mjs";

const ROLES = ["card", "cartridge", "reader", "client", "selftest"];
/** The engine's version for the tool: with less it takes the board for a firmware before 1v96 and fails. */
const VERSION = { major: 2, minor: 29 };

/** Baud of the console on a wire where it is not the tool's 9,600 (boards/*.py, info.default_console_baudrate); USB and TCP have none. */
const BAUD = { esp32: "115200" };
/** Boards that give their console back over Bluetooth. */
const BLUETOOTH = ["puckjs", "mdbt42q", "banglejs2"];
const ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
/** Where Linux lists its Bluetooth adapters. */
const ADAPTERS = "/sys/class/bluetooth";

/** What the board is to do; each says when it is done, in words that do not stand in its echo. */
const ERASE = 'require("Storage").eraseAll();print("Erased"+" all")';
const READ_BACK = '(function(s){print("Stored "+s.length+" bytes, CRC-32 "+(E.CRC32(s)>>>0))})(require("Storage").read(".boot0"))';

class Refusal extends Error {}

function options(argv) {
  let parsed;
  try {
    parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        port: { type: "string" },
        board: { type: "string" },
        baud: { type: "string" },
        ble: { type: "string" },
        tool: { type: "string" },
        "dry-run": { type: "boolean" },
        "keep-build": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new Refusal(
      `${error.message.split(". ")[0]}; use flash.sh ${ROLES.join("|")} --port PORT|--ble BOARD [--board NAME] [--dry-run]`,
    );
  }
  const [role, ...rest] = parsed.positionals;
  if (!ROLES.includes(role) || rest.length)
    throw new Refusal(`name one device, not "${parsed.positionals.join(" ")}": ${ROLES.join(", ")}`);
  const { baud } = parsed.values;
  if (baud !== undefined && !/^[1-9]\d{2,6}$/.test(baud)) throw new Refusal(`a console goes at 9600 or 115200 baud, not "${baud}"`);
  return { role, ...parsed.values };
}

/** The bundle to flash. Throws a Refusal when the board is unknown or does not take the role. */
function bundleFor({ role, board }) {
  if (board !== undefined && !boardNames("espruino").includes(board)) {
    throw new Refusal(`there is no board "${board}"; choose one of ${boardNames("espruino").join(", ")}`);
  }
  const chosen = role === "selftest" ? undefined : board;
  const bundle = bundles(chosen).find((one) => one.engine === "espruino" && one.name === role);
  if (!bundle) throw new Refusal(`the board "${board}" cannot be a ${role}; docs/boards.md lists which can`);
  return { bundle, chosen };
}

function build({ bundle, chosen }, dryRun) {
  const file = storedAs(outputOf(bundle, chosen));
  if (!existsSync(bundle.source)) throw new Refusal(`this version has no ${bundle.name} firmware: ${bundle.source} is missing`);
  if (chosen === undefined && upToDate() && existsSync(file)) return file;
  const env = { ...process.env, ...(chosen ? { BOARD: chosen } : {}) };
  const result = spawnSync(process.execPath, ["scripts/build.mjs"], { env, stdio: dryRun ? ["ignore", "ignore", "inherit"] : "inherit" });
  if (result.status !== 0) throw new Refusal("the build failed; what it printed above says where");
  return file;
}

/** The tool that talks to boards. Throws a Refusal that says how to get it. */
function tool(named) {
  const found = named ?? path.resolve("node_modules/.bin/espruino");
  if (!existsSync(found)) throw new Refusal(`the flashing tool "${found}" is missing; "npm ci" installs it`);
  return found;
}

/** The tool asks the network for a description of the board unless it is given one. */
export function boardDescription(board) {
  return {
    info: { name: board ?? "Espruino", boardname: board ?? "Espruino" },
    VERSION_MAJOR: VERSION.major,
    VERSION_MINOR: VERSION.minor,
  };
}

/** Arguments that every call of the tool begins with. `port`: a serial device or tcp://host:port. `ble`: address or name of a board, in place of a port. */
function toolArguments(description, port, ble, baud) {
  const begin = [...(ble === undefined ? ["--no-ble"] : []), "--quiet", "--board", description];
  if (ble !== undefined) return [...begin, ADDRESS.test(ble) ? "--port" : "-d", ble];
  return [...begin, "--port", port, ...(baud === undefined ? [] : ["-b", baud])];
}

/** Throws a Refusal unless `board` can be reached in the way that was chosen. */
function checkWay({ port, ble, baud, "dry-run": dryRun }, board) {
  if (ble === undefined) {
    if (port === undefined)
      throw new Refusal("name the board's port: --port /dev/ttyACM0, --port COM3 or --port tcp://HOST:PORT; or --ble ADDRESS or NAME");
    if (!port.startsWith("tcp://") && !/^COM\d+$/i.test(port) && !existsSync(port))
      throw new Refusal(`there is no port "${port}"; plug the board in and name its device`);
    return;
  }
  if (port !== undefined || baud !== undefined)
    throw new Refusal("a board is reached by --ble or by --port and --baud, not by both; leave one out");
  if (!/^[\w.:][\w.: -]*$/.test(ble))
    throw new Refusal(`--ble takes a board's address, as f0:12:34:56:78:9a, or a part of its name, not "${ble}"`);
  if (board !== null && !BLUETOOTH.includes(board))
    throw new Refusal(`the board "${board}" has no console over Bluetooth, as ${BLUETOOTH.join(", ")} have; use --port`);
  if (!dryRun && process.platform === "linux" && !(existsSync(ADAPTERS) && readdirSync(ADAPTERS).length > 0))
    throw new Refusal("this machine has no Bluetooth adapter; plug one in, or flash from a machine that has one");
}

/**
 * Has the tool evaluate `expression` on the board. The tool ends well even when nobody answered, so what the expression prints must come back.
 *
 * Throws a Refusal when it does not.
 */
function evaluate(program, args, expression, expected, at) {
  const { status, stdout } = spawnSync(program, [...args, "-e", expression], {
    encoding: "latin1",
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.stdout.write(stdout ?? "");
  if (status !== 0) throw new Refusal(`the board at ${at} did not take the firmware; what the tool printed above says why`);
  if (!stdout.includes(expected))
    throw new Refusal(`the board at ${at} does not say "${expected}"; see that its console is open, and try again`);
}

function main() {
  const chosen = options(process.argv.slice(2));
  const target = bundleFor(chosen);
  checkWay(chosen, chosen.board ?? target.bundle.board);
  const at = chosen.ble ?? chosen.port;
  const program = tool(chosen.tool);
  const file = build(target, chosen["dry-run"]);
  const folder = mkdtempSync(path.join(tmpdir(), "leyden-flash-"));
  try {
    const description = path.join(folder, "board.json");
    writeFileSync(description, JSON.stringify(boardDescription(chosen.board ?? target.bundle.board)));
    const begin = toolArguments(description, chosen.port, chosen.ble, chosen.baud ?? BAUD[chosen.board]);
    const store = [...begin, "--storage", `.boot0:${file}`];
    const stored = readFileSync(file);
    if (chosen["dry-run"]) {
      for (const args of [
        [...begin, "-e", ERASE],
        [...store, "-e", READ_BACK],
      ])
        console.log([program, ...args].map((word) => (/[^\w/.:=-]/.test(word) ? `'${word}'` : word)).join(" "));
      return;
    }
    evaluate(program, begin, ERASE, "Erased all", at);
    evaluate(program, store, READ_BACK, `Stored ${stored.length} bytes, CRC-32 ${crc32(stored)}`, at);
    console.log(`${file} is on the board at ${at} as .boot0; switch the board off and on.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === path.resolve(import.meta.dirname, "flash.mjs")) {
  try {
    main();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(`flash: ${error.message}`);
    process.exit(2);
  }
}
