import { decoder, norFlash, sdCard, supplyParts, variableBytes, wire, type BoardProfile } from "./profile.js";

const BOARD = "boards/PICO_R1_3.py";

export const pico: BoardProfile = {
  name: "pico",
  title: "Espruino Pico",
  engine: "espruino",
  engineBoard: "PICO_R1_3",
  chip: { value: "STM32F401CD, 84 MHz, 96 KiB RAM", source: `${BOARD}, chip` },
  variables: { value: 5100, source: `${BOARD}, info.variables` },
  variableBytes: variableBytes(5100),
  codeArea: { value: 49152, source: `${BOARD}, chip.saved_code` },
  flashPage: { value: 16384, source: `${BOARD}, chip.saved_code.page_size` },
  nativeCrypto: { value: ["SHA-256", "AES"], source: `${BOARD}, build.libraries (TLS brings AES)` },
  random: {
    value: "noise of the ADC on a voltage reference that starts; needs the seed of enrollment",
    source: "targets/stm32/jshardware.c, jshGetRandomNumber; RM0368 (STM32F401): the chip has no generator",
  },
  adc: { value: "A0-A7, B0, B1", source: "boards/pins/stm32f401.csv" },
  serial: { value: ["Serial1", "Serial2", "USB"], source: `${BOARD}, chip.usart; Serial6 shares USB's pins` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: {
    value: 130,
    source: "STM32F401xD data sheet, stop mode, low-power regulator, flash in deep power-down: at most 100 at 55 degrees; W25Q and RTC 30",
  },
  brownout: { value: 1740, source: "STM32F401xD data sheet, 6.3.7: power-down reset, falling edge, at most 1.74 V" },
  clock: { value: 40, source: "32.768 kHz crystal on C14 and C15 of 20 ppm, doubled for temperature and age" },
  roles: [
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "SD card on SPI2", bytes: 1073741824 },
      journal: "W25Q32 on SPI1",
      parts: [
        wire("Kiosk or reader", "B6", "B7"),
        norFlash("Journal: W25Q32", "A5", "A6", "A7", "A4"),
        sdCard("Content: SD card", "B13", "B14", "B15", "B10"),
        ...supplyParts("A0", "A1", "A8", "B1"),
      ],
    },
    {
      role: "reader",
      chunk: 480,
      content: null,
      journal: "W25Q32 on SPI1",
      parts: [
        wire("Card", "B6", "B7"),
        wire("Cartridge", "A2", "A3"),
        norFlash("Journal: W25Q32", "A5", "A6", "A7", "A4"),
        decoder("B3", "B5", "B9", "B8"),
      ],
    },
  ],
  notes: [
    "Storage has three pages of 16 KiB and code needs two of them, so the journal is in a NOR flash outside.",
    "Stop mode draws much: for long loans take a board with an nRF52, whose capacitor is a tenth.",
    "The decoder sends on B4 as well; the firmware does not read it.",
    "The crystal on C14 and C15 is optional on this board (boards/PICO_R1_3.py, notes): a cartridge needs one soldered in, for its deadline to be as exact as said here.",
  ],
};
