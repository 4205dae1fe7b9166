import { NRF52_BROWNOUT, NRF52_CLOCK, NRF52_PAGE, NRF52_RANDOM, NRF52_STANDBY } from "./nrf52.js";
import { norFlash, supplyParts, variableBytes, wire, type BoardProfile } from "./profile.js";

const BOARD = "boards/MICROBIT2.py";

export const microbit2: BoardProfile = {
  name: "microbit2",
  title: "BBC micro:bit 2",
  engine: "espruino",
  engineBoard: "MICROBIT2",
  chip: { value: "nRF52833, 64 MHz, 128 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 6000, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(6000),
  codeArea: { value: 40960, source: `${BOARD}, chip.saved_code` },
  flashPage: NRF52_PAGE,
  nativeCrypto: { value: [], source: `${BOARD}, build.libraries` },
  random: NRF52_RANDOM,
  adc: { value: "D0-D2", source: `${BOARD}, get_pins` },
  serial: { value: ["Serial1"], source: `${BOARD}, chip.usart` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: {
    ...NRF52_STANDBY,
    value: 40,
    source: "the board's interface chip and regulator are on the same supply: micro:bit V2 schematic; measure yours",
  },
  brownout: NRF52_BROWNOUT,
  clock: NRF52_CLOCK,
  roles: [
    { role: "card", chunk: 480, content: null, journal: "Storage, two pages", parts: [wire("Kiosk or reader", "D1", "D2")] },
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "W25Q128 on SPI1", bytes: 16777216 },
      journal: "Storage, two pages",
      parts: [
        wire("Kiosk or reader", "D1", "D2"),
        norFlash("Content: W25Q128", "D13", "D14", "D15", "D16"),
        ...supplyParts("D0", "D8", "D12", "D9"),
      ],
    },
  ],
  notes: [
    "There is no native cryptography: authentication takes minutes without an introduction.",
    "The console's own pins lead to the USB interface chip, so the wire goes to D1 and D2, and so does the console that the button gives back, at 115,200 baud.",
  ],
};
