/** JerryScript under our host program: wires, flash and clock are the host's, cryptography is all core's. */
import { ENTROPY_HARDWARE, type Board, type SerialPort } from "../../board.js";
import { contentIn, journalIn, type FlashPages } from "../../pages.js";
import type { BoardInMaking, Host } from "../host.js";

declare const leydenHost: Host;

/** Event numbers of the host. */
const POWER_FAIL = 0;
const TAMPER = 1;
const PRESS = 2;
const CONTACT = 3;

function port(index: number): SerialPort {
  return {
    write: function (bytes: Uint8Array): void {
      leydenHost.hostWrite(index, bytes);
    },
    onReceive: function (receiver: (bytes: Uint8Array) => void): void {
      leydenHost.hostReceive(index, receiver);
    },
  };
}

/** The flash file: 16 KiB for the journal, then 16 MiB for contents. */
function pages(): FlashPages {
  return {
    base: 0,
    length: 16793600,
    page: 4096,
    unit: 1,
    read: function (address: number, out: Uint8Array): void {
      leydenHost.hostFlashRead(address, out);
    },
    program: function (address: number, bytes: Uint8Array): void {
      leydenHost.hostFlashProgram(address, bytes);
    },
    erasePage: function (address: number): void {
      leydenHost.hostFlashErase(address);
    },
  };
}

function name(): Uint8Array {
  return new Uint8Array([74, 101, 114, 114, 121, 83, 99, 114, 105, 112, 116]);
}

function host(flash: FlashPages): BoardInMaking {
  return {
    name: name(),
    suites: 0,
    now: function (): number {
      return leydenHost.hostNow();
    },
    after: function (milliseconds: number, handler: () => void): number {
      return leydenHost.hostAfter(milliseconds, handler);
    },
    cancel: function (id: number): void {
      leydenHost.hostCancel(id);
    },
    entropy: function (out: Uint8Array): void {
      leydenHost.hostRandom(out);
    },
    entropyQuality: ENTROPY_HARDWARE,
    serial: [port(0)],
    journal: journalIn(flash, 8192),
    led: function (): void {
      // the host has none
    },
    natives: {},
    sleep: function (): void {
      // the host waits in poll(2)
    },
    closeConsole: function (): void {
      // JerryScript has no console here
    },
  };
}

export function card(): Board {
  return host(pages());
}

export function cartridge(): Board {
  const flash = pages();
  const board = host(flash);
  board.keyMemory = leydenHost.hostKeyMemory(512);
  board.keySupply = {
    charged: 4800,
    millivolts: function (): number {
      return leydenHost.hostSupply();
    },
    onPowerFail: function (handler: () => void): void {
      leydenHost.hostEvent(POWER_FAIL, handler);
    },
  };
  board.onTamper = function (handler: () => void): void {
    leydenHost.hostEvent(TAMPER, handler);
  };
  board.onContact = function (handler: (docked: boolean) => void): void {
    leydenHost.hostEvent(CONTACT, handler);
  };
  board.contentStore = contentIn(flash, 16384);
  return board;
}

/** A reader: serial 0 is the card's slot, 1 the cartridge's, 2 the host's. */
export function reader(): Board {
  const board = host(pages());
  board.serial.push(port(1));
  board.serial.push(port(2));
  board.onTouch = function (handler: (x: number, y: number) => void): void {
    leydenHost.hostEvent(PRESS, function () {
      handler(0, 0);
    });
  };
  board.sink = {
    begin: function (): void {},
    write: function (bytes: Uint8Array, ready: () => void): void {
      leydenHost.hostSink(bytes);
      leydenHost.hostAfter(0, ready);
    },
    end: function (): void {},
  };
  return board;
}

/** A client: serial 0 is the host's, 1 the cartridge's slot, 2 the card's; its flash holds contents behind the journal. */
export function client(): Board {
  const board = reader() as BoardInMaking;
  board.serial[0] = port(2);
  board.serial[2] = port(0);
  board.contentStore = contentIn(pages(), 16384);
  return board;
}
