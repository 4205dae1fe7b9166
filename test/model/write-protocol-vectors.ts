import { mkdirSync, writeFileSync } from "node:fs";
import { VECTORS_FILE, makeVectors, vectorsText } from "./protocol-vectors.js";

// Run by hand after a change of the protocol, which is then a new version: npm run docs:vectors
mkdirSync(new URL(".", VECTORS_FILE), { recursive: true });
writeFileSync(VECTORS_FILE, vectorsText(makeVectors()));
