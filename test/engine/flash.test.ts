import * as assert from "uvu/assert";
import { execFile, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
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
