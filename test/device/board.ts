/**
 * A board of mocks for the unit tests of firmware: every part is a ts-mockito mock whose calls a test can verify; behind them are arrays for flash and a clock that
 * the test turns. Firmware keeps module-level state, so one device lives in a process: one test file each.
 */
import { randomFillSync } from "node:crypto";
import { anyNumber, anything, instance, mock, when } from "ts-mockito";
import { ENTROPY_HARDWARE } from "../../boards/board.js";
import type { Board, ContentStore, JournalFlash, KeySupply, Network, SerialPort, Sink } from "../../boards/board.js";
import { MemoryKeyProvider } from "../../src/center/keys/provider.js";
import type { DeviceReference } from "../../src/center/keys/authority.js";
import { IDENTITY_DEVICE_KEY, IDENTITY_LENGTH, IDENTITY_PRIVATE, SLOT_IDENTITY } from "../../src/core/device/identity.js";
import type { Device } from "../../src/core/device/device.js";
import { createJournal, journalRekey } from "../../src/core/journal.js";
import type { Natives } from "../../src/core/natives.js";
import { KEY_JOURNAL, derive } from "../../src/core/protocol/derive.js";

const REGION = 8192;
const KEY_MEMORY = 512;

/** The shapes that ts-mockito reads the members' names from. */
abstract class Unmocked {
  protected never(): never {
    throw new Error("a mock stands in for this");
  }
}

class PortShape extends Unmocked implements SerialPort {
  write(_bytes: Uint8Array): void {
    this.never();
  }
  onReceive(_receiver: (bytes: Uint8Array) => void): void {
    this.never();
  }
}

class FlashShape extends Unmocked implements JournalFlash {
  get regionLength(): number {
    return this.never();
  }
  get programUnit(): number {
    return this.never();
  }
  read(_region: number, _offset: number, _out: Uint8Array): void {
    this.never();
  }
  program(_region: number, _offset: number, _bytes: Uint8Array): void {
    this.never();
  }
  erase(_region: number): void {
    this.never();
  }
}

class SupplyShape extends Unmocked implements KeySupply {
  get charged(): number {
    return this.never();
  }
  millivolts(): number {
    return this.never();
  }
  onPowerFail(_handler: () => void): void {
    this.never();
  }
}

class StoreShape extends Unmocked implements ContentStore {
  get capacity(): number {
    return this.never();
  }
  reset(_length: number): boolean {
    return this.never();
  }
  write(_offset: number, _bytes: Uint8Array): boolean {
    return this.never();
  }
  read(_offset: number, _out: Uint8Array): boolean {
    return this.never();
  }
}

class SinkShape extends Unmocked implements Sink {
  begin(_rate: number): void {
    this.never();
  }
  write(_bytes: Uint8Array, _ready: () => void): void {
    this.never();
  }
  end(): void {
    this.never();
  }
}

class BoardShape extends Unmocked implements Board {
  get name(): Uint8Array {
    return this.never();
  }
  get suites(): number {
    return this.never();
  }
  now(): number {
    return this.never();
  }
  after(_milliseconds: number, _handler: () => void): number {
    return this.never();
  }
  cancel(_id: number): void {
    this.never();
  }
  entropy(_out: Uint8Array): void {
    this.never();
  }
  get entropyQuality(): number {
    return this.never();
  }
  get serial(): SerialPort[] {
    return this.never();
  }
  get journal(): JournalFlash {
    return this.never();
  }
  led(_on: boolean): void {
    this.never();
  }
  get natives(): Natives {
    return this.never();
  }
  sleep(_deep: boolean): void {
    this.never();
  }
  closeConsole(): void {
    this.never();
  }
  get keyMemory(): Uint8Array | undefined {
    return this.never();
  }
  get keySupply(): KeySupply | undefined {
    return this.never();
  }
  onContact(_handler: (docked: boolean) => void): void {
    this.never();
  }
  onTamper(_handler: () => void): void {
    this.never();
  }
  onTouch(_handler: (x: number, y: number) => void): void {
    this.never();
  }
  get network(): Network | undefined {
    return this.never();
  }
  get contentStore(): ContentStore | undefined {
    return this.never();
  }
  get sink(): Sink | undefined {
    return this.never();
  }
}

interface Timer {
  id: number;
  at: number;
  handler: () => void;
}

export class MockedBoard {
  readonly board = mock(BoardShape);
  readonly flash = mock(FlashShape);
  readonly supply = mock(SupplyShape);
  readonly store = mock(StoreShape);
  readonly sink = mock(SinkShape);
  readonly ports: PortShape[];
  readonly keyMemory = new Uint8Array(KEY_MEMORY);
  readonly regions = [new Uint8Array(REGION).fill(255), new Uint8Array(REGION).fill(255)];
  /** False: flash takes nothing, as when its supply is too low. */
  flashWorks = true;
  /** Called with every programming of flash, before it happens. */
  onProgram: () => void = () => undefined;
  millivolts = 5000;
  now = 0;
  timers: Timer[] = [];
  private lastTimer = 0;

  constructor(ports: number) {
    const { board, flash, supply, store, sink } = this;
    this.ports = Array.from({ length: ports }, () => mock(PortShape));
    when(flash.regionLength).thenReturn(REGION);
    when(flash.programUnit).thenReturn(4);
    when(flash.read(anyNumber(), anyNumber(), anything())).thenCall((region: number, offset: number, out: Uint8Array) => {
      out.set(this.regions[region].subarray(offset, offset + out.length));
    });
    when(flash.program(anyNumber(), anyNumber(), anything())).thenCall((region: number, offset: number, bytes: Uint8Array) => {
      this.onProgram();
      if (this.flashWorks) bytes.forEach((byte, i) => (this.regions[region][offset + i] &= byte));
    });
    when(flash.erase(anyNumber())).thenCall((region: number) => {
      if (this.flashWorks) this.regions[region].fill(255);
    });
    when(supply.charged).thenReturn(4800);
    when(supply.millivolts()).thenCall(() => this.millivolts);
    when(store.capacity).thenReturn(1 << 20);
    when(store.reset(anyNumber())).thenReturn(true);
    when(board.name).thenReturn(new Uint8Array(Buffer.from("mocked board")));
    when(board.suites).thenReturn(2);
    when(board.now()).thenCall(() => this.now);
    when(board.after(anyNumber(), anything())).thenCall((milliseconds: number, handler: () => void) => {
      const id = ++this.lastTimer;
      this.timers.push({ id, at: this.now + milliseconds, handler });
      return id;
    });
    when(board.cancel(anyNumber())).thenCall((id: number) => {
      this.timers = this.timers.filter((timer) => timer.id !== id);
    });
    when(board.entropy(anything())).thenCall((out: Uint8Array) => randomFillSync(out));
    when(board.entropyQuality).thenReturn(ENTROPY_HARDWARE);
    when(board.natives).thenReturn({});
    when(board.serial).thenReturn(this.ports.map((port) => instance(port)));
    when(board.journal).thenReturn(instance(flash));
    when(board.keyMemory).thenReturn(this.keyMemory);
    when(board.keySupply).thenReturn(instance(supply));
    when(board.network).thenReturn(undefined);
    when(board.contentStore).thenReturn(instance(store));
    when(board.sink).thenReturn(instance(sink));
  }

  /** Lets time pass; timers that come due run in their order. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.step(end));
    this.now = end;
  }

  /** Runs the timer that comes due first, if it does by `end`, and takes `milliseconds` over it. False where none does. */
  step(end: number, milliseconds = 0): boolean {
    const [due] = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.id - b.id);
    if ((due as Timer | undefined) === undefined) return false;
    this.timers = this.timers.filter((timer) => timer !== due);
    this.now = Math.max(this.now, due.at) + milliseconds;
    due.handler();
    return true;
  }

  /** Writes who the device is to flash, as PERSONALIZE leaves it. */
  personalize(device: DeviceReference): void {
    const identity = new Uint8Array(IDENTITY_LENGTH);
    const key = new Uint8Array(32);
    identity.set(device.id);
    identity[8] = device.role;
    new DataView(identity.buffer).setUint32(9, device.generation);
    identity.fill(0x41, IDENTITY_PRIVATE, IDENTITY_DEVICE_KEY);
    identity.set(keys.deviceKey(device.role, device.id, device.generation), IDENTITY_DEVICE_KEY);
    derive(key, identity.subarray(IDENTITY_DEVICE_KEY, IDENTITY_DEVICE_KEY + 32), KEY_JOURNAL, new Uint8Array(0));
    if (!journalRekey(createJournal(instance(this.flash)), key, SLOT_IDENTITY, 0, identity))
      throw new Error("flash did not take the identity");
  }
}

/** The center's keys. */
export const keys = new MemoryKeyProvider(new Uint8Array(32).fill(9));

/** The device believes to be in a session with a party of this role. */
export function inSession(device: Device, role: number): void {
  device.channel.open = true;
  device.channel.peer.set([7, 7, 7, 7, 7, 7, 7, 7, role]);
}

export interface Answer {
  sw: number;
  data: Uint8Array;
}

/** What the device's handler answers to a command; it must answer at once. */
export function command(device: Device, ins: number, tag: number, data: Uint8Array): Answer {
  let answer: Answer | undefined;
  device.data.set(data);
  device.handler?.(device, ins, tag, device.data.subarray(0, data.length), (sw, length) => {
    answer = { sw, data: device.data.slice(0, length) };
  });
  if (!answer) throw new Error("the device did not answer");
  return answer;
}
