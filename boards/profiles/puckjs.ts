import { NRF52_CLOCK, NRF52_RANDOM, nrf52Page } from "./nrf52.js";
import { regulator, slot } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

const BOARD = "boards/PUCKJS.py";

export const puckjs: BoardProfile = {
  name: "puckjs",
  title: "Puck.js",
  engine: "espruino",
  engineBoard: "PUCKJS",
  chip: { value: "nRF52832, 64 MHz, 64 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 2630, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(2630),
  codeArea: { value: 40960, source: `${BOARD}, chip.saved_code` },
  flashPage: nrf52Page("nRF52832"),
  nativeCrypto: { value: ["SHA-256", "AES"], source: `${BOARD}, build.libraries` },
  random: NRF52_RANDOM,
  outside: {
    value: [...pins("D", 1, 2), "D11", "D23", "D24", "D26", ...pins("D", 28, 31)],
    source: `${BOARD}, board_v2; a Lite has D1, D2 and D28 to D31 only`,
  },
  adc: { value: ["D2", ...pins("D", 28, 31)], source: `${BOARD}, get_pins; D3 to D5 are the LEDs` },
  power: { supply: { value: "3V", source: `${BOARD}, board_v2: the pad beside GND, where the coin cell goes` }, gives: null, takes: null },
  serial: { value: ["Serial1"], source: `${BOARD}, chip.usart` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: null,
  brownout: null,
  clock: NRF52_CLOCK,
  roles: [
    {
      role: "card",
      chunk: 480,
      content: null,
      journal: "Storage, two pages",
      parts: [regulator("3V"), slot("Slot: kiosk or reader", "D28", "D29", false)],
    },
  ],
  notes: [
    "D28 and D29 become the console when D29 is high at power-on, as it is in a slot (targets/nrf5x/jshardware.c, jshInit); the firmware closes it before anything else.",
    "Take the coin cell out when the slot supplies the board.",
  ],
};
