import { NRF52_CLOCK, NRF52_RANDOM, nrf52Page } from "./nrf52.js";
import { rails, slot } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

const BOARD = "boards/MDBT42Q.py";

export const mdbt42q: BoardProfile = {
  name: "mdbt42q",
  title: "MDBT42Q breakout",
  engine: "espruino",
  engineBoard: "MDBT42Q",
  chip: { value: "nRF52832, 64 MHz, 64 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 2950, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(2950),
  codeArea: { value: 40960, source: `${BOARD}, chip.saved_code` },
  flashPage: nrf52Page("nRF52832"),
  nativeCrypto: { value: ["SHA-256"], source: `${BOARD}, build.libraries` },
  random: NRF52_RANDOM,
  outside: {
    value: [...pins("D", 3, 8), "D11", ...pins("D", 14, 20), "D22", ...pins("D", 25, 31)],
    source: `${BOARD}, board_breakout; D9 and D10 are the antenna of NFC`,
  },
  adc: { value: [...pins("D", 3, 5), ...pins("D", 28, 31)], source: `${BOARD}, get_pins; D2 is the second LED` },
  power: {
    supply: { value: "3.3", source: `${BOARD}, board_breakout` },
    gives: null,
    takes: { value: "Vin", source: "espruino.com/MDBT42Q, Powering: 2.5 to 16 V through the board's regulator" },
  },
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
      parts: [rails(null, "Vin"), slot("Slot: kiosk or reader", "D6", "D8")],
    },
  ],
  notes: ["There is no native AES, which a card does not need."],
};
