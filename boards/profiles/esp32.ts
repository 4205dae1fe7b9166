import { norFlash, variableBytes, wire, type BoardProfile } from "./profile.js";

const BOARD = "boards/ESP32.py";

export const esp32: BoardProfile = {
  name: "esp32",
  title: "ESP32",
  engine: "espruino",
  engineBoard: "ESP32",
  chip: { value: "ESP32, 240 MHz, 512 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 16383, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(16383),
  codeArea: { value: 917504, source: `${BOARD}, chip.saved_code` },
  flashPage: { value: 4096, source: `${BOARD}, chip.saved_code.page_size` },
  nativeCrypto: { value: ["SHA-256", "SHA-512", "AES"], source: `${BOARD}, build.libraries (TLS brings AES)` },
  random: {
    value: "noise of a floating ADC pin; needs the seed of enrollment",
    source: "targets/esp32/jshardware.c: jshGetRandomNumber is rand() of src/jsutils.c, which begins alike at every start",
  },
  adc: { value: "D32-D39", source: `${BOARD}, get_pins` },
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
      parts: [
        wire("Card", "D4", "D5"),
        wire("Cartridge", "D17", "D16"),
        wire("Host", "D1", "D3"),
        {
          title: "Amplifier and speaker",
          symbol: "speaker",
          connections: [{ pin: "D25", to: "audio" }],
        },
      ],
    },
    {
      role: "client",
      chunk: 480,
      content: { where: "W25Q128 on SPI2", bytes: 16777216 - 16384 },
      journal: "the same W25Q128",
      parts: [
        wire("Host", "D1", "D3"),
        wire("Cartridge", "D17", "D16"),
        wire("Card", "D4", "D5"),
        norFlash("Content and journal: W25Q128", "D18", "D19", "D23", "D22"),
        {
          title: "Amplifier and speaker",
          symbol: "speaker",
          connections: [{ pin: "D25", to: "audio" }],
        },
      ],
    },
  ],
  notes: [
    "It draws milliamperes: no key capacitor holds it, so it is no cartridge.",
    "A floating D36 is the noise source: leave it unconnected.",
  ],
};
