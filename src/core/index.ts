/**
 * `leyden/core`: everything here runs in firmware: nothing of Node, no allocation after start where a function does not say so, and ES5 once
 * compiled. Protocol, journal and link have files of their own.
 */
export { adoptNatives, REFUSED_AES, REFUSED_CONVOLVE, REFUSED_CRC32, REFUSED_SHA256, REFUSED_SHA512 } from "./adopt.js";
export * from "./curve/curve.js";
export { aesCbc } from "./hash/aes.js";
export { crc32 } from "./hash/crc32.js";
export { hkdf } from "./hash/hkdf.js";
export { hmac, hmacPrepare, hmacPrepared } from "./hash/hmac.js";
export { sha256 } from "./hash/sha256.js";
export { sha512 } from "./hash/sha512.js";
export { equal, get16, get32, isZero, put16, put32 } from "./guarded-bytes.js";
export { natives, type AesOptions, type Natives } from "./natives.js";
export { randomFill, randomSeed, randomStart } from "./random.js";
export { SEAL_OVERHEAD, open, seal } from "./seal.js";
export { selftest } from "./selftest.js";
export * from "./stream/flow.js";
export * from "./stream/header.js";
export {
  createStream,
  sealedLength,
  streamChunks,
  streamOpenChunk,
  streamSealChunk,
  streamStart,
  streamWipe,
  type Stream,
  type Suite,
} from "./stream/stream.js";
export { suite1 } from "./stream/suite1.js";
export { suite2 } from "./stream/suite2.js";
