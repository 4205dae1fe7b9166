import * as assert from "uvu/assert";
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { networkConsole } from "../../sim/engine/network-console.js";
import { storageFiles } from "../../sim/engine/storage-image.js";
import { suite } from "../suite.js";
import { ESPRUINO, temporary, until } from "./support.js";

const test = suite("flash.sh");

interface Result {
  status: number | null;
  out: string;
  err: string;
}
function flash(...args: string[]): Result {
  const result = spawnSync("./flash.sh", args, { encoding: "utf8" });
  return { status: result.status, out: result.stdout, err: result.stderr };
}
/** The same without blocking, for a board that lives in this process. */
function flashAside(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile("./flash.sh", args, { encoding: "utf8", maxBuffer: 1 << 24 }, (_error, out, err) =>
      resolve({ status: child.exitCode, out, err }),
    );
  });
}

/** A program in the tool's place that writes down its arguments and goes on with `script`. */
function fakeTool(folder: string, script: string): { tool: string; calls: () => string[] } {
  const tool = join(folder, "tool");
  const log = join(folder, "calls");
  writeFileSync(tool, `#!/bin/sh\necho "$@" >> ${log}\n${script}\n`, { mode: 0o755 });
  writeFileSync(log, "");
  return { tool, calls: () => readFileSync(log, "utf8").split("\n").slice(0, -1) };
}

test("each mistake gets one sentence that says what to do, and exit code 2", () => {
  const cases: [string[], RegExp][] = [
    [[], /name one device.*card, cartridge, reader, client, selftest/],
    [["toaster", "--port", "tcp://h:1"], /name one device, not "toaster"/],
    [["card"], /name the board's port: --port/],
    [["card", "--port", "/dev/nothing"], /there is no port "\/dev\/nothing"; plug the board in/],
    [["card", "--port", "tcp://h:1", "--board", "arduino"], /there is no board "arduino"; choose one of .*puckjs/],
    [["reader", "--port", "tcp://h:1", "--board", "puckjs"], /the board "puckjs" cannot be a reader/],
    [["card", "--port", "tcp://h:1", "--tool", "/no/tool", "--dry-run"], /the flashing tool "\/no\/tool" is missing; "npm ci" installs it/],
    [["card", "--speed", "9"], /Unknown option '--speed'/],
    [["card", "--port", "tcp://h:1", "--baud", "fast"], /9600 or 115200 baud, not "fast"/],
    [["card", "--port", "tcp://h:1", "--ble", "Puck.js"], /by --ble or by --port and --baud, not by both/],
    [["card", "--ble", ""], /--ble takes a board's address, as f0:12:34:56:78:9a, or a part of its name, not ""/],
    [["cartridge", "--ble", "Pico"], /the board "pico" has no console over Bluetooth, as puckjs, mdbt42q, banglejs2 have; use --port/],
  ];
  for (const [args, expected] of cases) {
    const result = flash(...args);
    assert.is(result.status, 2, args.join(" "));
    assert.match(result.err, expected);
    assert.is(result.err.trim().split("\n").length, 1, result.err);
    assert.is(result.out, "");
  }
});

test("a dry run prints the tool's commands and runs none", () => {
  const result = flash("card", "--port", "tcp://127.0.0.1:9", "--dry-run");
  assert.is(result.status, 0, result.err);
  const [erase, store] = result.out.trim().split("\n");
  assert.match(erase ?? "", /espruino --no-ble .*--port tcp:\/\/127\.0\.0\.1:9 -e .*eraseAll/);
  assert.match(store ?? "", /--storage \.boot0:dist\/card\.boot0/);
});

test("over Bluetooth the tool gets an address as a port, and a name to look for, and may use its radio", () => {
  const commands = (...args: string[]): string[] =>
    flash("card", ...args, "--dry-run")
      .out.trim()
      .split("\n");
  for (const line of commands("--ble", "f0:12:34:56:78:9a")) {
    assert.match(line, / --port f0:12:34:56:78:9a /);
    assert.not.match(line, /--no-ble/);
  }
  for (const line of commands("--ble", "Puck.js 1234", "--board", "mdbt42q")) assert.match(line, / -d 'Puck\.js 1234' /);
});

test("without an adapter one sentence says so; with one the tool gets to work", () => {
  const folder = temporary();
  const { tool, calls } = fakeTool(folder, "exit 1");
  const result = flash("card", "--ble", "Puck.js", "--tool", tool);
  const adapter = process.platform !== "linux" || (existsSync("/sys/class/bluetooth") && readdirSync("/sys/class/bluetooth").length > 0);
  assert.is(result.status, 2);
  assert.match(
    result.err,
    adapter ? /the board at Puck\.js did not take the firmware/ : /this machine has no Bluetooth adapter; plug one in/,
  );
  assert.is(calls().length, adapter ? 1 : 0);
  rmSync(folder, { recursive: true });
});

test("a tool that ends well without an answer of the board has flashed nothing", () => {
  const folder = temporary();
  const silent = fakeTool(folder, 'echo \'>require("Storage").eraseAll();print("Erased"+" all")\'');
  const first = flash("selftest", "--port", "tcp://127.0.0.1:9", "--tool", silent.tool);
  assert.is(first.status, 2);
  assert.match(first.err, /the board at tcp:\/\/127\.0\.0\.1:9 does not say "Erased all"; see that its console is open/);
  assert.is(silent.calls().length, 1);
  const wrong = fakeTool(folder, "echo Erased all; echo Stored 12 bytes, CRC-32 7");
  const second = flash("selftest", "--port", "tcp://127.0.0.1:9", "--tool", wrong.tool);
  assert.is(second.status, 2);
  assert.match(second.err, /does not say "Stored \d{5} bytes, CRC-32 \d+"/);
  assert.is(wrong.calls().length, 2);
  rmSync(folder, { recursive: true });
});

test("the tool is told the console's speed where that is not its own", () => {
  const speeds = (...args: string[]): (string | undefined)[] =>
    flash(...args, "--port", "tcp://127.0.0.1:9", "--dry-run")
      .out.trim()
      .split("\n")
      .map((line) => / -b (\d+)/.exec(line)?.[1]);
  assert.equal(speeds("selftest"), [undefined, undefined]);
  assert.equal(speeds("selftest", "--baud", "115200"), ["115200", "115200"]);
  assert.equal(speeds("selftest", "--board", "esp32"), ["115200", "115200"]);
});

test.when(ESPRUINO !== "", "ESPRUINO is not set")(
  "a bundle goes onto a board over TCP, is read back equal, and passes its self-test after a reboot",
  async () => {
    const folder = temporary();
    const board = await networkConsole(ESPRUINO, folder);
    try {
      const result = await flashAside("selftest", "--port", board.address);
      assert.is(result.status, 0, result.out + result.err);
      const stored = storageFiles(readFileSync(join(folder, "espruino.flash"))).get(".boot0");
      assert.equal(Buffer.from(stored ?? []), readFileSync("dist/selftest.boot0"));
      const { hostname, port } = new URL(board.address);
      const socket = connect(Number(port), hostname);
      let text = "";
      socket.on("data", (data) => (text += data.toString("latin1")));
      await until(() => /self-test: \d+ passed, 0 failed/.test(text), "the self-test after the reboot", 60_000);
      socket.destroy();
    } finally {
      board.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test.run();
