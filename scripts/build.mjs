/** `npm run build`: bundles into dist, unless dist already holds the bundles of the present sources. */
import { spawnSync } from "node:child_process";
import { upToDate } from "./build/report.mjs";

if (process.env.BOARD || !upToDate()) {
  const rollup = new URL("../node_modules/rollup/dist/bin/rollup", import.meta.url).pathname;
  process.exitCode = spawnSync(process.execPath, [rollup, "-c", "--silent"], { stdio: "inherit" }).status ?? 1;
}
