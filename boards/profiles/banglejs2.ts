import { NRF52_RANDOM } from "./nrf52.js";
import { variableBytes, type BoardProfile } from "./profile.js";

const BOARD = "boards/BANGLEJS2.py";

export const banglejs2: BoardProfile = {
  name: "banglejs2",
  title: "Bangle.js 2",
  engine: "espruino",
  engineBoard: "BANGLEJS2",
  chip: { value: "nRF52840, 64 MHz, 256 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 12000, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(12000),
  codeArea: { value: 8388608, source: `${BOARD}, chip.saved_code: all of the outside flash` },
  flashPage: { value: 4096, source: `${BOARD}, chip.saved_code.page_size` },
  nativeCrypto: { value: ["SHA-256", "SHA-512", "AES-CCM"], source: `${BOARD}, build.libraries` },
  random: NRF52_RANDOM,
  outside: { value: [], source: "the watch is closed" },
  adc: { value: [], source: `${BOARD}, get_pins: D2 to D5 and D28 to D31, all inside the watch` },
  power: null,
  serial: { value: ["Bluetooth"], source: "no pin of a UART leads outside; the Nordic UART service is the wire" },
  receiveBuffer: { value: 2048, source: `${BOARD}, info.io_buffer_size` },
  standby: null,
  brownout: null,
  clock: { value: 40, source: `${BOARD}, ESPR_LSE_ENABLE: 32.768 kHz crystal, of 20 ppm, doubled for temperature and age` },
  roles: [
    {
      role: "client",
      chunk: 480,
      content: { where: "Storage", bytes: 8323072 - 4096 - 16384 },
      journal: "Storage, four pages",
      parts: [],
    },
  ],
  notes: [
    "The engine skips our code when its button is held at power-on and then offers its console: whoever holds the watch can read its flash. Give it no long-lived secret that you would not give its wearer.",
    "There is no native AES-CBC: prefer contents of suite 1.",
  ],
};
