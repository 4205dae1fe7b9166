/** The other files of this folder once more, in one process and on a PostgreSQL server of our own: the same service, the same tables. */
import { databases } from "./support/databases.js";

const server = databases().find(({ name }) => name === "PostgreSQL");

if (typeof server?.url === "string") {
  process.env.LEYDEN_TEST_POSTGRES = server.url;
  // uvu collects the tests of all files, and runs them when it is told.
  Object.assign(globalThis, { UVU_DEFER: 1, UVU_QUEUE: [[null]] });
  await import("./rental.test.js");
  await import("./kiosk.test.js");
  await import("./kiosk-faults.test.js");
  await import("./http.test.js");
  await import("./certificates.test.js");
  await import("./openapi.test.js");
  const { exec } = await import("uvu");
  await exec();
} else {
  const { suite } = await import("../suite.js");
  suite("the service on PostgreSQL").skip("the tests of this folder", server?.reason ?? "");
}
