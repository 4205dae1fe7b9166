/** `npm run build`: bundles into dist, unless dist already holds those of the present sources, and the host's programs. With SHARES=1 it also prints what each source file contributes. */
import { spawnSync } from "node:child_process";
import { buildHost } from "./build/host.mjs";
import { upToDate } from "./build/report.mjs";

if (process.env.BOARD || process.env.SHARES || !upToDate()) {
  const rollup = new URL("../node_modules/rollup/dist/bin/rollup", import.meta.url).pathname;
  process.exitCode = spawnSync(process.execPath, [rollup, "-c", "--silent"], { stdio: "inherit" }).status ?? 1;
}
await buildHost();
