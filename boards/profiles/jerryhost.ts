import type { BoardProfile } from "./profile.js";

const HOST = "boards/jerryscript/host/";

export const jerryhost: BoardProfile = {
  name: "host",
  title: "JerryScript on Linux",
  engine: "jerryscript",
  engineBoard: "JerryScript 3.0 with our host program",
  chip: { value: "any machine with Linux and a C compiler", source: HOST },
  variables: { value: 512 * 1024, source: "engine build option JERRY_GLOBAL_HEAP_SIZE, in bytes; 512 KiB unless chosen otherwise" },
  variableBytes: null,
  codeArea: { value: 1048576, source: `${HOST}host.c: the bundle is a file` },
  flashPage: { value: 4096, source: `${HOST}flash.c` },
  nativeCrypto: { value: [], source: "JerryScript has none" },
  random: { value: "the kernel's generator, getrandom(2)", source: `${HOST}host.c` },
  outside: { value: [], source: "a program has no pins" },
  adc: { value: [], source: `${HOST}host.c: the bench tells voltages` },
  power: null,
  serial: { value: ["three pairs of file descriptors"], source: `${HOST}host.c` },
  receiveBuffer: { value: 65536, source: "pipe(7)" },
  standby: null,
  brownout: null,
  clock: { value: 50, source: "CLOCK_MONOTONIC" },
  roles: [
    { role: "card", chunk: 480, content: null, journal: "file", parts: [] },
    { role: "cartridge", chunk: 480, content: { where: "file", bytes: 16777216 }, journal: "file", parts: [] },
    { role: "reader", chunk: 480, content: null, journal: "file", parts: [] },
    { role: "client", chunk: 480, content: { where: "file", bytes: 16777216 }, journal: "file", parts: [] },
  ],
  notes: ["It shows that the firmware is not Espruino's: the same core on another engine. It is no product to carry home."],
};
