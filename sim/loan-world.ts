/**
 * A small lending service in the simulator: a kiosk with a slot for a card and one for a cartridge, a reader at home, a center; and the three devices, each running the
 * very bundle that is flashed. Everything outside the boards is the real host code.
 */
import { Authority, type DeviceReference } from "../src/center/keys/authority.js";
import { issueCertificate, issueIssuer, signingKey, type SigningKey } from "../src/center/keys/certificates.js";
import { MemoryKeyProvider } from "../src/center/keys/provider.js";
import { LocalCenter } from "../src/center/local.js";
import { expectMember, expectObject, expectPositive } from "../src/core/check.js";
import { x25519Base } from "../src/core/curve/curve.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_KIOSK, ROLE_READER } from "../src/core/protocol/constants.js";
import { enroll } from "../src/host/enrollment.js";
import { HostParty } from "../src/host/party.js";
import { DeviceSession, type DeviceInfo } from "../src/host/session.js";
import { Transport } from "../src/host/transport.js";
import type { KioskDevice } from "../src/kiosk/rental.js";
import type { EspruinoBoard } from "./espruino.js";
import type { EngineContext } from "./espruino/context.js";
import type { Random } from "./random.js";
import { CHARGE_VOLTS, storedBundle, specimen, type DeviceName, type EngineName } from "./specimens.js";
import type { Wire } from "./wire.js";
import { World, type Slot, type WorldOptions } from "./world.js";

/** The simulation begins at this instant, seconds: 2026-01-01T00:00:00Z. */
export const START = 1_767_225_600;
const DAY = 86_400;

export interface LoanWorldOptions extends WorldOptions {
  /** The simulation that all of it is in; a new one unless it is given. */
  world?: World;
  /** Days that the cartridge's capacitor is sized for. */
  days: number;
  /** Experimental scripts to run instead of those in `dist/`, by device. */
  bundles?: Partial<Record<DeviceName, string>>;
  /** Real interpreters in place of the sandbox, by device; each call makes one for one start of the device. */
  engines?: Partial<Record<DeviceName, (device: string) => EngineContext>>;
  /** Default "espruino"; "jerryscript" puts the bundles of dist/jerryscript on three boards with our host program. */
  engine?: EngineName;
  /** See `BoardOptions.keepDropped`. */
  keepDropped?: boolean;
}

export class LoanWorld {
  readonly world: World;
  readonly card: EspruinoBoard;
  readonly cartridge: EspruinoBoard;
  readonly reader: EspruinoBoard;
  readonly kioskCard: Slot;
  readonly kioskCartridge: Slot;
  readonly readerCard: Slot;
  readonly readerCartridge: Slot;
  readonly readerHost: Wire;
  readonly keys: MemoryKeyProvider;
  readonly authority: Authority;
  readonly center: LocalCenter;
  readonly root: SigningKey;
  readonly issuer: SigningKey;
  readonly issuerCertificate: Uint8Array;
  readonly kiosk: HostParty;
  /** Certificates of the enrolled devices by name. */
  readonly certificates = new Map<string, Uint8Array>();
  /** What the devices said of themselves at enrollment, by name. */
  readonly infos = new Map<string, DeviceInfo>();
  readonly random: Random;
  private readonly transports = new Map<string, Transport>();
  private serial = 1;

  constructor(options: LoanWorldOptions) {
    expectObject("options", options);
    expectPositive("days", options.days);
    const world = options.world ?? new World(options);
    this.world = world;
    this.random = world.random.stream("parties");
    const draw = (length: number): Uint8Array => this.draw(length);
    this.keys = new MemoryKeyProvider(draw(32));
    this.authority = new Authority(this.keys, draw);
    this.center = new LocalCenter(this.authority, () => this.time(), draw);
    this.root = signingKey(draw(32));
    this.issuer = signingKey(this.keys.issuerSeed());
    this.issuerCertificate = issueIssuer(this.root, this.issuer, 1, START - DAY, START + 3650 * DAY);
    const { engine = "espruino", engines, keepDropped } = options;
    const bundle = (name: DeviceName): string =>
      options.bundles?.[name] ?? storedBundle(engine === "jerryscript" ? `jerryscript/${name}` : name);
    const board = (name: DeviceName): EspruinoBoard =>
      world.board({ ...specimen(name, options.days, engine), engine: engines?.[name], keepDropped });
    this.card = board("card");
    this.cartridge = board("cartridge");
    this.reader = board("reader");
    for (const [name, board] of [
      ["card", this.card],
      ["cartridge", this.cartridge],
      ["reader", this.reader],
    ] as const)
      board.install(bundle(name), options.bundles?.[name] !== undefined);
    this.kioskCard = world.slot({ name: "kiosk card slot" });
    this.kioskCartridge = world.slot({ name: "kiosk cartridge slot", charger: { volts: CHARGE_VOLTS, ohms: 0.5, amperes: 1 } });
    this.readerCard = world.slot({ name: "reader card slot" });
    this.readerCartridge = world.slot({ name: "reader cartridge slot" });
    this.reader.port("Serial1").connect(this.readerCard.wire, 0);
    this.reader.port("Serial2").connect(this.readerCartridge.wire, 0);
    const usb = world.wire({ name: "reader host wire" });
    this.readerHost = usb;
    this.reader.port("USB").connect(usb, 1);
    this.open("reader", world.hostPort("reader host", usb, 0, 1_000_000));
    this.open("card", world.hostPort("kiosk card port", this.kioskCard.wire));
    this.open("cartridge", world.hostPort("kiosk cartridge port", this.kioskCartridge.wire));
    this.kiosk = this.makeKiosk();
  }

  /** The center's time, seconds. */
  time(): number {
    return START + Math.floor(this.world.clock.now / 1e6);
  }

  draw(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.random.uint32() & 255);
  }

  /** A session of the kiosk (or of nobody in particular) with what is in a slot. */
  session(name: string, party: HostParty | null = this.kiosk): DeviceSession {
    return new DeviceSession(this.transport(name), party);
  }

  device(name: "card" | "cartridge"): KioskDevice {
    const transport = this.transport(name);
    return {
      session: this.session(name),
      sendFrames: (count, frame) => transport.bulkSend(count, frame),
      carry: (apdu) => transport.transmit(apdu),
    };
  }

  /** Enrolls the three blank devices: each makes its key pair and gets its identity from the center. */
  async enrollAll(): Promise<void> {
    this.world.dock(this.card, this.kioskCard);
    this.world.dock(this.cartridge, this.kioskCartridge);
    this.reader.supply("wall", 3.3);
    await this.world.sleep(1000);
    await this.enrollDevice("card", ROLE_CARD);
    await this.enrollDevice("cartridge", ROLE_CARTRIDGE);
    await this.enrollDevice("reader", ROLE_READER);
    this.world.undock(this.card);
    this.world.undock(this.cartridge);
  }

  /** `session`: with the blank device, where it is not one of this world's boards. */
  async enrollDevice(name: string, role: number, session = this.session(name, null)): Promise<DeviceReference> {
    const device: DeviceReference = { role, id: this.draw(8), generation: this.keys.generation };
    const certificate = await enroll(
      session,
      async (publicKey, info) => {
        this.infos.set(name, info);
        const issued = issueCertificate(this.issuer, {
          role,
          suites: info.suites,
          subject: device.id,
          serial: ++this.serial,
          notBefore: START - DAY,
          notAfter: START + 3650 * DAY,
          publicKey,
        });
        const chain = new Uint8Array(Buffer.concat([issued, this.issuerCertificate]));
        const roots = new Uint8Array(64);
        roots.set(this.root.publicKey);
        return {
          certificate: issued,
          sealed: this.authority.sealPersonalization(device, publicKey, { roots, floor: this.time(), epoch: 1, chain }),
        };
      },
      this.draw(32),
    );
    this.certificates.set(name, certificate);
    this.center.addDevice(device);
    this.world.note("center", "enrolled", { whom: name, id: Buffer.from(device.id).toString("hex") });
    return device;
  }

  private makeKiosk(): HostParty {
    const privateKey = this.draw(32);
    const publicKey = new Uint8Array(32);
    const id = this.draw(8);
    x25519Base(publicKey, privateKey);
    const certificate = issueCertificate(this.issuer, {
      role: ROLE_KIOSK,
      suites: 0,
      subject: id,
      serial: ++this.serial,
      notBefore: START - DAY,
      notAfter: START + 3650 * DAY,
      publicKey,
    });
    return new HostParty({
      id,
      role: ROLE_KIOSK,
      privateKey,
      chain: new Uint8Array(Buffer.concat([certificate, this.issuerCertificate])),
      roots: this.root.publicKey,
      epoch: 1,
      time: () => this.time(),
      random: (out) => {
        out.set(this.draw(out.length));
      },
    });
  }

  /** The host end of the wire to a device at the kiosk, or to the reader. */
  transport(name: string): Transport {
    const transport = this.transports.get(name);
    if (!transport) throw new Error(`There is no port to ${name}; there are those to ${[...this.transports.keys()].join(", ")}.`);
    return transport;
  }

  protected open(name: string, port: ConstructorParameters<typeof Transport>[0]): void {
    this.transports.set(name, new Transport(port, virtualTimers(this.world)));
  }
}

/** Timers of a host program that lives in virtual time. */
export function virtualTimers(world: World): {
  now(): number;
  after(milliseconds: number, handler: () => void): number;
  cancel(id: number): void;
} {
  expectMember("world", world, "clock", "a World");
  const scheduled = new Map<number, ReturnType<World["clock"]["after"]>>();
  let last = 0;
  return {
    now: () => world.clock.now / 1000,
    after: (milliseconds, handler) => {
      const id = ++last;
      scheduled.set(
        id,
        world.clock.after(milliseconds * 1000, () => {
          scheduled.delete(id);
          world.wake();
          handler();
        }),
      );
      return id;
    },
    cancel: (id) => {
      world.clock.cancel(scheduled.get(id));
      scheduled.delete(id);
    },
  };
}
