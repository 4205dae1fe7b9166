import { amplifier, consoleButton, rails, slot, supplyParts, usbHost } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

/** The way back to the console: the board has no button that firmware can read. */
const BUTTON = consoleButton("D22");

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
  printed: "D0 is printed GP0, and so on.",
  outside: {
    value: [...pins("D", 0, 22), ...pins("D", 26, 28)],
    source: "Raspberry Pi Pico 2 data sheet, pinout: GP0 to GP22 and GP26 to GP28",
  },
  adc: { value: pins("D", 26, 28), source: `${BOARD}, get_pins; D29 measures VSYS on the board and is not led out` },
  power: {
    supply: { value: "VSYS", source: "Raspberry Pi Pico 2 data sheet, powerchain: 1.8 to 5.5 V into the regulator to 3.3 V" },
    gives: { value: "VBUS", source: "Raspberry Pi Pico 2 data sheet, pinout: 5 V of USB" },
    takes: { value: "VSYS", source: "Raspberry Pi Pico 2 data sheet, powerchain: 1.8 to 5.5 V" },
  },
  serial: { value: ["Serial1", "Serial2", "USB"], source: `${BOARD}, chip.usart` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: null,
  brownout: null,
  clock: { value: 100, source: "12 MHz crystal of 30 ppm while awake; this engine build has no deep sleep" },
  roles: [
    {
      role: "card",
      chunk: 480,
      content: null,
      journal: "Storage, two pages",
      parts: [rails(null, "VSYS"), BUTTON, slot("Slot: kiosk or reader", "D0", "D1")],
    },
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "Storage", bytes: 3080192 - 4096 - 8192 },
      journal: "Storage, two pages",
      parts: [...supplyParts("VSYS", "D26", "D14", "D16", "D15"), BUTTON, slot("Slot: kiosk or reader", "D0", "D1", false)],
    },
    {
      role: "reader",
      chunk: 480,
      content: null,
      journal: "Storage, two pages",
      parts: [
        rails(null, "VBUS"),
        BUTTON,
        usbHost(),
        slot("Slot: card", "D0", "D1"),
        slot("Slot: cartridge", "D4", "D5"),
        amplifier("D20"),
      ],
    },
  ],
  notes: [
    "Awake it draws about 20 mA: a cartridge of this board is for trying things out on a bench, its capacitor lasts minutes.",
    "Chips up to stepping A2 hold an open or weakly pulled-down input at about 2.2 V (RP2350 data sheet, erratum E9): so the button works against a pull-up, and what pulls down here is 8.2 kΩ.",
    "There is no native cryptography; the processor's speed makes up for some of it.",
  ],
};
