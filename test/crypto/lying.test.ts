import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as assert from "uvu/assert";
import { REFUSED_AES, REFUSED_CONVOLVE, REFUSED_CRC32, REFUSED_SHA256, REFUSED_SHA512 } from "../../src/core/adopt.js";
import { describeRefused } from "../../src/host/status.js";
import { runLoan } from "../../sim/loan.js";
import { builtBundle } from "../../sim/specimens.js";
import { LoanWorld } from "../../sim/loan-world.js";
import { mutant } from "../attack/support/mutant.js";
import { suite } from "../suite.js";

/** Boards whose engine computes wrongly: the flashed bundles, after a script that puts lies in the place of the engine's own functions. */
const test = suite("An engine that lies");

const SPOIL = "function(f){return function(a,b,c){var d=f(a,b,c);new Uint8Array(d)[3]^=1;return d}}";
const LIES =
  `(function(){var c=require("crypto"),s=${SPOIL},v=E.convolve,r=E.CRC32;` +
  `c.SHA256=s(c.SHA256);if(c.SHA512)c.SHA512=s(c.SHA512);c.AES.decrypt=s(c.AES.decrypt);` +
  `E.convolve=function(a,b,n){return v(a,b,n)+1};E.CRC32=function(d){return r(d)^1}})();`;

test("a loan is made and played although card, cartridge and reader compute everything themselves, and all say so", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "leyden-"));
  const file = path.join(folder, "content.bin");
  const content = Uint8Array.from({ length: 3000 }, (_, i) => (i * 31) & 255);
  try {
    writeFileSync(file, content);
    const bundles = { card: LIES + builtBundle("card"), cartridge: LIES + builtBundle("cartridge"), reader: LIES + builtBundle("reader") };
    const { loan, played } = await runLoan({ file, name: "content.bin", custody: 1, days: 2, seed: 3, bundles });
    assert.equal(played && Buffer.from(played), Buffer.from(content));
    const all = REFUSED_SHA256 | REFUSED_AES | REFUSED_CONVOLVE | REFUSED_CRC32;
    for (const name of ["card", "cartridge"] as const)
      assert.is((loan.infos.get(name)?.refused ?? 0) & all, all & ~REFUSED_AES, `the ${name} uses no AES`);
    assert.is((loan.infos.get("reader")?.refused ?? 0) & all, all);
    assert.is(
      describeRefused(REFUSED_SHA512 | REFUSED_CRC32),
      "Its engine computes wrongly: SHA-512, CRC-32. The device computes that itself, more slowly.",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a card whose bundle has no room for code of its own does not start, and blinks", async () => {
  const without = await mutant("card", [
    { file: "src/core/natives.ts", from: "NativesInUse = { refused: 0 }", to: "NativesInUse = { refused: 0, only: true }" },
  ]);
  const loan = new LoanWorld({ days: 2, seed: 4, bundles: { card: LIES + without } });
  await loan.world.run(async () => {
    loan.world.dock(loan.card, loan.kioskCard);
    await loan.world.sleep(5000);
  });
  const lit = loan.world.trace.of("led").filter(({ device }) => device === "card");
  assert.ok(lit.length >= 8, `the LED changed ${String(lit.length)} times`);
  assert.is(loan.world.trace.of("fault").length, 0);
  const honest = new LoanWorld({ days: 2, seed: 4, bundles: { card: without } });
  await honest.world.run(async () => {
    honest.world.dock(honest.card, honest.kioskCard);
    await honest.world.sleep(5000);
  });
  assert.ok(honest.world.trace.of("led").filter(({ device }) => device === "card").length < 4);
});

test.run();
