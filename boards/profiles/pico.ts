import { decoder, norFlash, rails, sdCard, slot, supplyParts, usbHost } from "./parts.js";
import { pins, variableBytes, type BoardProfile } from "./profile.js";

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
  outside: {
    value: [...pins("A", 0, 8), "A10", "B1", ...pins("B", 3, 10), ...pins("B", 13, 15)],
    source: `${BOARD}, board`,
  },
  adc: { value: [...pins("A", 0, 7), "B1"], source: "boards/pins/stm32f401.csv; B0 is behind a jumper" },
  power: {
    supply: { value: "3.3", source: `${BOARD}, board` },
    gives: { value: "VCC", source: "espruino.com/Pico, Power: 5 V of USB less a diode's drop; VBAT in the engine's board file" },
    takes: null,
  },
  serial: { value: ["Serial1", "Serial2", "USB"], source: `${BOARD}, chip.usart; Serial6 shares USB's pins` },
  receiveBuffer: { value: 1024, source: "scripts/build_platform_config.py, bufferSizeIO" },
  standby: {
    value: 410,
    source:
      "stop mode, low-power regulator, flash in deep power-down (targets/stm32/jshardware.c, jshSleep): STM32F401xD data sheet, table 28, at most 36 at 25 degrees and 270 at 85, so 100 at 55; W25Q32JV data sheet, ICC1: 50; SD card asleep 250, as card makers state it; crystal and the board's own regulator 10",
  },
  brownout: { value: 1760, source: "STM32F401xD data sheet, table 19: power-down reset, falling edge, at most" },
  clock: { value: 40, source: "32.768 kHz crystal on C14 and C15 of 20 ppm, doubled for temperature and age" },
  roles: [
    {
      role: "cartridge",
      chunk: 480,
      content: { where: "SD card on SPI2", bytes: 1073741824 },
      journal: "W25Q32 on SPI1",
      parts: [
        ...supplyParts("3.3", "A0", "A1", "A8", "B3"),
        slot("Slot: kiosk or reader", "B6", "B7", false),
        norFlash("Journal: W25Q32", "A5", "A6", "A7", "A4"),
        sdCard("Content: microSD card", "B13", "B14", "B15", "B10"),
      ],
    },
    {
      role: "reader",
      chunk: 480,
      content: null,
      journal: "W25Q32 on SPI1",
      parts: [
        rails("3.3", "VCC"),
        usbHost(),
        slot("Slot: card", "B6", "B7"),
        slot("Slot: cartridge", "A2", "A3"),
        norFlash("Journal: W25Q32", "A5", "A6", "A7", "A4"),
        decoder("B3", "B5", "B9", "B8"),
      ],
    },
  ],
  notes: [
    "Storage has three pages of 16 KiB and code needs two of them, so the journal is in a NOR flash outside.",
    "Most of what stands by is the SD card: for loans of more than some days take an Espruino WiFi, whose contents are in a flash chip.",
    "The decoder sends on B4 as well; the firmware does not read it.",
    "The crystal on C14 and C15 is optional on this board (boards/PICO_R1_3.py, notes): a cartridge needs one soldered in, for its deadline to be as exact as said here.",
  ],
};
