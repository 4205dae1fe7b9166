import { amplifier, norFlash, rails, slot, usbHost } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

const BOARD = "boards/ESP32.py";

export const esp32: BoardProfile = {
  name: "esp32",
  title: "ESP32",
  engine: "espruino",
  engineBoard: "ESP32",
  chip: { value: "ESP32, 240 MHz, 512 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 16383, source: `${BOARD}, info.variables; targets/esp32/main.c: as many as the heap has room for, at most these` },
  variableBytes: variableBytes(16383),
  codeArea: { value: 917504, source: `${BOARD}, chip.saved_code` },
  flashPage: { value: 4096, source: `${BOARD}, chip.saved_code.page_size` },
  nativeCrypto: { value: ["SHA-256", "SHA-512", "AES"], source: `${BOARD}, build.libraries (TLS brings AES)` },
  random: {
    value: "noise of a floating ADC pin; needs the seed of enrollment",
    source: "targets/esp32/jshardware.c: jshGetRandomNumber is rand() of src/jsutils.c, which begins alike at every start",
  },
  printed: "D4 is printed IO4 or 4, and so on; D36 is VP, D39 VN.",
  outside: {
    value: ["D0", "D2", "D4", "D5", ...pins("D", 12, 19), ...pins("D", 21, 23), ...pins("D", 25, 27), ...pins("D", 32, 36), "D39"],
    source: `${BOARD}, board_esp32, as on an ESP32-DevKitC; D1 and D3 are the USB socket's, D6 to D11 the flash's; the module does not lead out D37 and D38`,
  },
  adc: { value: [...pins("D", 32, 36), "D39"], source: `${BOARD}, get_pins: ADC1; the engine does not read ADC2` },
  power: {
    supply: { value: "3V3", source: `${BOARD}, board_esp32` },
    gives: { value: "5V", source: "ESP32-DevKitC V4 guide, header J2: 5V" },
    takes: null,
  },
  serial: { value: ["Serial1 (console and flashing)", "Serial2", "Serial3"], source: `${BOARD}, chip.usart` },
  receiveBuffer: { value: 4096, source: `${BOARD}, info.io_buffer_size` },
  standby: null,
  brownout: null,
  clock: { value: 100, source: "40 MHz crystal of 10 ppm while awake; the board never sleeps here" },
  roles: [
    {
      role: "reader",
      chunk: 480,
      content: null,
      journal: "Storage, two pages",
      parts: [rails(null, "5V"), usbHost(), slot("Slot: card", "D4", "D5"), slot("Slot: cartridge", "D17", "D16"), amplifier("D25")],
    },
    {
      role: "client",
      chunk: 480,
      content: { where: "W25Q128 on SPI2", bytes: 16777216 - 16384 },
      journal: "the same W25Q128",
      parts: [
        rails("3V3", "5V"),
        usbHost(),
        slot("Slot: cartridge", "D17", "D16"),
        slot("Slot: card", "D4", "D5"),
        norFlash("W25Q128: content, journal", "D18", "D19", "D23", "D22"),
        amplifier("D25"),
      ],
    },
  ],
  notes: [
    "It draws milliamperes: no key capacitor holds it, so it is no cartridge.",
    "The host is on the USB socket, whose bridge is on D1 and D3.",
    "A floating D36 is the noise source: leave it unconnected.",
  ],
};
