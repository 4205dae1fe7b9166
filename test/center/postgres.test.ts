/** The other files of this folder once more, in one process and on a PostgreSQL server of our own: the same service, the same tables. */
import { databases } from "./support/databases.js";

const server = databases().find(({ name }) => name === "PostgreSQL");

if (typeof server?.url === "string") {
  process.env.LEYDEN_TEST_POSTGRES = server.url;
  // uvu collects the tests of all files, and runs them when it is told.
  Object.assign(globalThis, { UVU_DEFER: 1, UVU_QUEUE: [[null]] });
  for (const name of ["rental", "kiosk", "kiosk-faults", "http", "certificates", "openapi"]) await import(`./${name}.test.js`);
  const { exec } = await import("uvu");
  await exec();
} else {
  const { suite } = await import("../suite.js");
  suite("the service on PostgreSQL").skip("the tests of this folder", server?.reason ?? "");
}
