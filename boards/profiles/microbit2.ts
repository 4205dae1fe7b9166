import { NRF52_CLOCK, NRF52_RANDOM, nrf52Page } from "./nrf52.js";
import { norFlash, regulator, slot, supplyParts } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

const BOARD = "boards/MICROBIT2.py";

export const microbit2: BoardProfile = {
  name: "microbit2",
  title: "BBC micro:bit 2",
  engine: "espruino",
  engineBoard: "MICROBIT2",
  chip: { value: "nRF52833, 64 MHz, 128 KiB RAM", source: `${BOARD}, chip, whose part is named for the older chip` },
  variables: { value: 6000, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(6000),
  codeArea: { value: 40960, source: `${BOARD}, chip.saved_code` },
  flashPage: nrf52Page("nRF52833"),
  nativeCrypto: { value: [], source: `${BOARD}, build.libraries` },
  random: NRF52_RANDOM,
  printed: "D0 is printed 0, and so on.",
  outside: {
    value: [...pins("D", 0, 7), ...pins("D", 10, 16), ...pins("D", 19, 20)],
    source: `${BOARD}, board; D8 and D9 stay the antenna of NFC, since the build does not define CONFIG_NFCT_PINS_AS_GPIOS (nRF52833 product specification, UICR: NFCPINS)`,
  },
  adc: { value: pins("D", 0, 2), source: `${BOARD}, get_pins` },
  power: { supply: { value: "3V", source: `${BOARD}, board: named 3.3 there, printed 3V` }, gives: null, takes: null },
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
      parts: [regulator("3V"), slot("Slot: kiosk or reader", "D1", "D2", false)],
    },
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "W25Q128 on SPI1", bytes: 16777216 },
      journal: "Storage, two pages",
      parts: [
        ...supplyParts("3V", "D0", "D12", "D4", "D7"),
        slot("Slot: kiosk or reader", "D1", "D2", false),
        norFlash("Content: W25Q128", "D13", "D14", "D15", "D16"),
      ],
    },
  ],
  notes: [
    "There is no native cryptography: authentication takes minutes without an introduction.",
    "A cartridge of this board is for trying things out on a bench, its capacitor lasts hours at most: the interface chip is on the same supply (tech.microbit.org, Power Management), the engine starts accelerometer and compass (libs/microbit/jswrap_microbit.c, jswrap_microbit_init), and the open receiver keeps the fast oscillator running, about 1 mA (espruino.com/Power Consumption).",
    "Do not use the engine's display: D4 and D7 are columns of it. The light of the microphone, H5, is the LED.",
    "The console's own pins lead to the USB interface chip, so the wire goes to D1 and D2, and so does the console that the button gives back, at 115,200 baud.",
  ],
};
