import { createStream, type Stream } from "../core/stream/stream.js";
import { suite1 } from "../core/stream/suite1.js";
import { suite2 } from "../core/stream/suite2.js";
import { CHUNK } from "./state.js";

/** What opens the chunks of a play, in either suite. Bundles for boards with few variables make the suites' code and memory for it, which go when it does. */
export function openingStream(): Stream {
  return createStream([suite1, suite2], CHUNK);
}
