import { MemoryCard } from "../card.js";
import type { Clock } from "../clock.js";
import { Decoder } from "../decoder.js";
import { NorFlash, type Tear } from "../flash.js";
import { SerialNor } from "../nor.js";
import type { Random } from "../random.js";
import { Storage } from "../storage.js";
import type { BoardWorld } from "./options.js";
import type { EngineProfile, Wiring } from "./profile.js";

/** What the chips of a board need of it. */
export interface ChipsOptions {
  world: BoardWorld;
  clock: Clock;
  name: string;
  profile: EngineProfile;
  wiring: Wiring;
  random: Random;
  /** Asked before each operation of a flash: how a fault tears it. */
  tear: () => Tear | undefined;
  /** Counts an operation; throws when a fault cuts the power at it. */
  operation: () => void;
  /** The flash inside the processor has made it wait, microseconds. */
  stalled: (microseconds: number) => void;
  /** Puts a level on a pin from outside. */
  drive: (pin: string, level: boolean) => void;
}

/** The memory and the decoder of a board: in its processor, and soldered to it as its wiring says. */
export class Chips {
  readonly flash: NorFlash;
  readonly storage: Storage;
  readonly nors = new Map<string, SerialNor>();
  readonly card: MemoryCard | undefined;
  readonly decoder: Decoder | undefined;
  readonly #options: ChipsOptions;

  constructor(options: ChipsOptions) {
    this.#options = options;
    const { world, name, profile, wiring } = options;
    this.flash = new NorFlash(profile.flash);
    this.#watch(this.flash, "internal");
    this.flash.onStall = options.stalled;
    this.storage = new Storage(this.flash, profile.storage);
    this.storage.onCompaction = (files) => {
      world.trace.add(name, "compaction", { files });
    };
    for (const [select, length] of Object.entries(wiring.nor ?? {})) {
      const chip = new SerialNor(length);
      this.#watch(chip.flash, `nor ${select}`);
      this.nors.set(select, chip);
    }
    if (wiring.card) {
      this.card = new MemoryCard(wiring.card.capacity, options.random.stream("card"));
      this.card.onOperation = (operation) => {
        options.operation();
        if (operation.op !== "write") world.trace.add(name, "file", operation);
      };
    }
    const { decoder } = wiring;
    if (decoder)
      this.decoder = new Decoder({
        clock: options.clock,
        trace: world.trace,
        name,
        request: (level) => {
          options.drive(decoder.request, level);
        },
        wake: () => {
          world.wake();
        },
      });
  }

  powerOff(): void {
    for (const chip of this.nors.values()) chip.powerOff();
    this.card?.powerOff();
    this.decoder?.powerOff();
  }

  #watch(flash: NorFlash, chip: string): void {
    const { world, name, tear } = this.#options;
    flash.guard = tear;
    flash.onOperation = ({ op, address, length }, torn) => {
      world.trace.add(name, "flash", { op, chip, address, length, ...(torn ? { torn } : {}) });
    };
    flash.onViolation = (what) => {
      world.trace.add(name, "fault", { what: "flash limit", detail: `${chip}: ${what}` });
    };
  }
}
