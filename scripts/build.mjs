/** `npm run build`: bundles into dist, unless dist already holds those of the present sources, and the host's programs. With SHARES=1 it also prints what each source file contributes. */
import { spawnSync } from "node:child_process";
import { buildHost } from "./build/host.mjs";
import { upToDate } from "./build/report.mjs";

if (process.env.BOARD || process.env.SHARES || !upToDate()) {
  const rollup = new URL("../node_modules/rollup/dist/bin/rollup", import.meta.url).pathname;
  // Syntax trees are made and dropped by the megabyte: room for them saves a good part of the collecting.
  process.exitCode = spawnSync(process.execPath, ["--max-semi-space-size=64", rollup, "-c", "--silent"], { stdio: "inherit" }).status ?? 1;
}
await buildHost();
