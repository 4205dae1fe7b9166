#!/usr/bin/env node
/** The `leyden` command: runs the host's programs, which it builds first when the sources have changed. */
import { pathToFileURL } from "node:url";
import { buildHost } from "./build/host.mjs";

await import(pathToFileURL(await buildHost()).href);
