#!/usr/bin/env node
/** The `leyden` command as an installed program: runs the TypeScript sources as they are. */
import { register } from "tsx/esm/api";

register();
await import("../src/cli/main.ts");
