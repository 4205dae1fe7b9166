import { decoder, norFlash, supplyParts, variableBytes, wire, type BoardProfile } from "./profile.js";

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
  adc: { value: "A0, A1, A4-A7, B0, B1", source: "boards/pins/stm32f401.csv" },
  serial: { value: ["Serial1", "USB"], source: `${BOARD}, chip.usart; Serial2 is the ESP8266's` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: {
    value: 130,
    source: "STM32F411xE data sheet, stop mode, low-power regulator: at most 100 at 55 degrees; W25Q and RTC 30; the ESP8266 switched off",
  },
  brownout: { value: 1740, source: "STM32F411xE data sheet, 6.3.7: power-down reset, falling edge" },
  clock: { value: 40, source: "32.768 kHz crystal on C14 and C15 of 20 ppm, doubled for temperature and age" },
  roles: [
    {
      role: "client",
      chunk: 480,
      content: { where: "W25Q128 on SPI1", bytes: 16777216 - 16384 },
      journal: "the same W25Q128",
      parts: [
        wire("Cartridge", "B6", "B7"),
        norFlash("Content and journal: W25Q128", "A5", "A6", "A7", "A4"),
        decoder("B13", "B15", "B9", "B8"),
      ],
    },
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "W25Q128 on SPI1", bytes: 16777216 - 16384 },
      journal: "the same W25Q128",
      parts: [
        wire("Kiosk or reader", "B6", "B7"),
        norFlash("Content and journal: W25Q128", "A5", "A6", "A7", "A4"),
        ...supplyParts("A0", "A1", "B10", "B1"),
      ],
    },
  ],
  notes: ["Storage is one page: it holds code only, and everything else is in the NOR flash outside."],
};
