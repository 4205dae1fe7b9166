import { decoder, norFlash, rails, slot, supplyParts, usbHost } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

const BOARD = "boards/ESPRUINOWIFI.py";

export const espruinowifi: BoardProfile = {
  name: "espruinowifi",
  title: "Espruino WiFi",
  engine: "espruino",
  engineBoard: "ESPRUINOWIFI",
  chip: { value: "STM32F411CE, 100 MHz, 128 KiB RAM, and an ESP8266", source: `${BOARD}, chip` },
  variables: { value: 8190, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(8190),
  codeArea: { value: 65536, source: `${BOARD}, chip.saved_code` },
  flashPage: { value: 65536, source: `${BOARD}, chip.saved_code.page_size` },
  nativeCrypto: { value: ["SHA-256", "SHA-512", "AES"], source: `${BOARD}, build.libraries (TLS brings AES)` },
  random: {
    value: "noise of the ADC on a voltage reference that starts; needs the seed of enrollment",
    source: "targets/stm32/jshardware.c, jshGetRandomNumber; RM0383 (STM32F411): the chip has no generator",
  },
  outside: {
    value: [...pins("A", 0, 1), ...pins("A", 4, 8), "A10", ...pins("B", 0, 1), ...pins("B", 3, 10), ...pins("B", 13, 15)],
    source: `${BOARD}, board`,
  },
  adc: { value: [...pins("A", 0, 1), ...pins("A", 4, 7), ...pins("B", 0, 1)], source: "boards/pins/stm32f401.csv" },
  power: {
    supply: { value: "3.3", source: `${BOARD}, board` },
    gives: { value: "VUSB", source: `${BOARD}, board: connected with the 5 V of USB` },
    takes: null,
  },
  serial: { value: ["Serial1", "USB"], source: `${BOARD}, chip.usart; Serial2 is the ESP8266's` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: {
    value: 175,
    source:
      "stop mode, low-power regulator, flash in deep power-down (targets/stm32/jshardware.c, jshSleep): STM32F411xE data sheet, table 28, at most 38 at 25 degrees and 275 at 85, so 105 at 55; W25Q128JV data sheet, ICC1: 60; crystal and the board's own regulator 10; the ESP8266 is off while A14 is low",
  },
  brownout: { value: 1760, source: "STM32F411xE data sheet, table 19: power-down reset, falling edge, at most" },
  clock: { value: 40, source: "32.768 kHz crystal on C14 and C15 of 20 ppm, doubled for temperature and age" },
  roles: [
    {
      role: "client",
      chunk: 480,
      content: { where: "W25Q128 on SPI1", bytes: 16777216 - 16384 },
      journal: "the same W25Q128",
      parts: [
        rails("3.3", "VUSB"),
        usbHost(),
        slot("Slot: cartridge", "B6", "B7"),
        norFlash("W25Q128: content, journal", "A5", "A6", "A7", "A4"),
        decoder("B13", "B15", "B9", "B8"),
      ],
    },
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "W25Q128 on SPI1", bytes: 16777216 - 16384 },
      journal: "the same W25Q128",
      parts: [
        ...supplyParts("3.3", "A0", "A1", "B10", "B3"),
        slot("Slot: kiosk or reader", "B6", "B7", false),
        norFlash("W25Q128: content, journal", "A5", "A6", "A7", "A4"),
      ],
    },
  ],
  notes: ["Storage is one page: it holds code only, and everything else is in the NOR flash outside."],
};
