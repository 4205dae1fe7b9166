import { NRF52_BROWNOUT, NRF52_CLOCK, NRF52_PAGE, NRF52_RANDOM, NRF52_STANDBY } from "./nrf52.js";
import { variableBytes, wire, type BoardProfile } from "./profile.js";

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
  flashPage: NRF52_PAGE,
  nativeCrypto: { value: ["SHA-256", "AES"], source: `${BOARD}, build.libraries` },
  random: NRF52_RANDOM,
  adc: { value: "D2-D5, D28-D31", source: `${BOARD}, get_pins` },
  serial: { value: ["Serial1"], source: `${BOARD}, chip.usart` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: NRF52_STANDBY,
  brownout: NRF52_BROWNOUT,
  clock: NRF52_CLOCK,
  roles: [{ role: "card", chunk: 480, content: null, journal: "Storage, two pages", parts: [wire("Kiosk or reader", "D28", "D29")] }],
  notes: ["D28 and D29 become the console when D28 is high at power-on; the firmware closes it before anything else."],
};
