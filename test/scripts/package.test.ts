/** What `npm pack` makes, installed into a folder of its own: every export can be imported, computes, and has types. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";

const test = suite("npm package");
const root = resolve(import.meta.dirname, "../..");
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
const run = (folder: string, program: string, ...args: string[]): string =>
  execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const CONSUMER = `
import { createFlow, flowStart, headerEncode, openContent, sealContent, suite1, suite2, x25519, x25519Base } from "leyden/core";
import { DeviceSession, Transport, describeStatus } from "leyden/host";
import { LoanWorld } from "leyden/sim";

const [a, b, ab, ba] = [1, 2, 0, 0].map((first) => new Uint8Array(32).fill(first));
const [publicA, publicB] = [new Uint8Array(32), new Uint8Array(32)];
x25519Base(publicA, a);
x25519Base(publicB, b);
x25519(ab, a, publicB);
x25519(ba, b, publicA);
const plain = new TextEncoder().encode("what is lent");
for (const suite of [suite1, suite2]) {
  const header = new Uint8Array(48);
  headerEncode(header, { suite: suite.id, chunkSize: 5, contentId: new Uint8Array(16), titleKeyVersion: 1, salt: new Uint8Array(16) });
  const opened: Uint8Array | undefined = openContent([suite1, suite2], ab, sealContent(suite, header, ba, plain));
  console.log(suite.id, opened && new TextDecoder().decode(opened));
  if (!flowStart(createFlow([suite], 5), true, header, ab)) throw new Error("the flow did not start");
}
const loan = new LoanWorld({ days: 1, seed: 1 });
await loan.world.run(() => loan.enrollAll());
console.log([...loan.infos.values()].map(({ board }) => board).join(", "), loan.certificates.size);
console.log(describeStatus(0x6982), typeof DeviceSession, typeof Transport);
`;

test("a program with the packed package alone imports core, host and simulator, with types, and nothing else; its command runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "leyden-"));
  try {
    run(root, "npm", "run", "--silent", "prepack");
    const [packed] = JSON.parse(run(root, "npm", "pack", "--ignore-scripts", "--json", "--pack-destination", folder)) as {
      filename: string;
    }[];
    const modules = join(folder, "node_modules");
    for (const name of [...Object.keys(dependencies), "@types/node"]) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
    mkdirSync(join(modules, "leyden"));
    run(folder, "tar", "-xzf", packed.filename, "--strip-components=1", "-C", join(modules, "leyden"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "consumer.ts"), CONSUMER);
    const tsc = join(root, "node_modules/.bin/tsc");
    run(folder, tsc, "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--skipLibCheck", "consumer.ts");
    assert.is(
      run(folder, process.execPath, "consumer.js"),
      "1 what is lent\n2 what is lent\n" +
        "Puck.js, Espruino Pico, Espruino Pico 3\n" +
        "0x6982, not authenticated, or not for this peer function function\n",
    );
    assert.match(run(folder, process.execPath, join(modules, "leyden/scripts/leyden.mjs"), "center", "--help"), "Usage: leyden center");
    writeFileSync(join(folder, "inside.js"), 'await import("leyden/lib/src/core/bytes.js");\n');
    assert.throws(() => run(folder, process.execPath, "inside.js"), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
    assert.not.match(readFileSync(join(modules, "leyden/lib/src/core/stream/suite1.js"), "utf8"), /^\s*(const|let) |=>/m, "core is ES5");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
