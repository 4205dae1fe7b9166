import { mkdirSync, writeFileSync } from "node:fs";
import { VECTORS_FILE, makeVectors, vectorsText } from "./vectors.js";

// Run by hand after a change of the format, which is then a new version: npx tsx test/tree/write-vectors.ts
mkdirSync(new URL(".", VECTORS_FILE), { recursive: true });
writeFileSync(VECTORS_FILE, vectorsText(await makeVectors()));
