import { supplyParts, variableBytes, wire, type BoardProfile, type Part } from "./profile.js";

/** The way back to the console: the board has no button that firmware can read. */
const BUTTON: Part = {
  title: "Button, held at power-on",
  symbol: "connector",
  connections: [
    { pin: "D22", to: "one side" },
    { pin: "VCC", to: "other side" },
  ],
};

const BOARD = "boards/RP2350_PICO2.py";

export const pico2: BoardProfile = {
  name: "pico2",
  title: "Raspberry Pi Pico 2",
  engine: "espruino",
  engineBoard: "RP2350_PICO2",
  chip: { value: "RP2350, 150 MHz, 520 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 16000, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(16000),
  codeArea: { value: 3145728, source: `${BOARD}, chip.saved_code` },
  flashPage: { value: 4096, source: `${BOARD}, chip.saved_code.page_size` },
  nativeCrypto: { value: [], source: `${BOARD}, build.libraries` },
  random: {
    value: "hardware generator, stirred into one of software for every number",
    source: "targets/rp2xxx/jshardware.c, jshGetRandomNumber: get_rand_32 of the Pico SDK's pico_rand; RP2350 data sheet, TRNG",
  },
  adc: { value: "D26-D29", source: `${BOARD}, get_pins` },
  serial: { value: ["Serial1", "Serial2", "USB"], source: `${BOARD}, chip.usart` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: null,
  brownout: null,
  clock: { value: 100, source: "12 MHz crystal of 30 ppm while awake; this engine build has no deep sleep" },
  roles: [
    { role: "card", chunk: 480, content: null, journal: "Storage, two pages", parts: [wire("Kiosk or reader", "D0", "D1"), BUTTON] },
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "Storage", bytes: 3145728 - 65536 - 8192 },
      journal: "Storage, two pages",
      parts: [wire("Kiosk or reader", "D0", "D1"), BUTTON, ...supplyParts("D26", "D14", "D16", "D15")],
    },
    {
      role: "reader",
      chunk: 480,
      content: null,
      journal: "Storage, two pages",
      parts: [
        wire("Card", "D0", "D1"),
        wire("Cartridge", "D4", "D5"),
        BUTTON,
        { title: "Amplifier and speaker", symbol: "speaker", connections: [{ pin: "D20", to: "audio" }] },
      ],
    },
  ],
  notes: [
    "Awake it draws about 20 mA: a cartridge of this board is for trying things out on a bench, its capacitor lasts minutes.",
    "There is no native cryptography; the processor's speed makes up for some of it.",
  ],
};
