/** Networked readers in the simulator, each running the bundle that is flashed, with the terminals that serve them; beside the lending service of `LoanWorld`. */
import { ClientAuthority } from "../src/center/keys/client-authority.js";
import type { DeviceReference } from "../src/center/keys/authority.js";
import { ROLE_CLIENT } from "../src/core/protocol/constants.js";
import { ClientDevice } from "../src/host/client-device.js";
import type { EspruinoBoard } from "./espruino.js";
import type { BoardOptions } from "./espruino/options.js";
import { ESP32 } from "./espruino/profile.js";
import { LoanWorld, type LoanWorldOptions } from "./loan-world.js";
import { storedBundle, specimen } from "./specimens.js";
import type { Slot } from "./world.js";

export interface ClientOptions extends Pick<BoardOptions, "engine" | "http" | "keepDropped"> {
  /** An ESP32, which has a slot for a card too, instead of an Espruino WiFi. */
  esp32?: boolean;
  /** Experimental script to run instead of the one in `dist/`. */
  bundle?: string;
}

/** A client and its place: its board, the program at its host port, its slots. */
export interface SimulatedClient {
  name: string;
  board: EspruinoBoard;
  device: ClientDevice;
  cartridge: Slot;
  /** Only where the board has one. */
  card: Slot | null;
  /** As the center knows it; set at enrollment. */
  reference: DeviceReference;
}

export class ClientWorld extends LoanWorld {
  readonly clientAuthority = new ClientAuthority(this.keys);

  constructor(options: Partial<LoanWorldOptions> = {}) {
    super({ days: 7, seed: 1, ...options });
  }

  /** A blank client, switched off. */
  addClient(name: string, options: ClientOptions = {}): SimulatedClient {
    const { world } = this;
    const { engine, http, keepDropped, esp32 = false } = options;
    const board = world.board({
      ...(esp32 ? { profile: ESP32, wiring: { led: "D2", noise: "D36", nor: { D22: 0x100000 } } } : specimen("client", 7)),
      name,
      engine,
      http: http && ((url) => world.during(http(url))),
      keepDropped,
    });
    const wire = world.wire({ name: `${name} host wire` });
    const cartridge = world.slot({ name: `${name} cartridge slot` });
    const card = esp32 ? world.slot({ name: `${name} card slot` }) : null;
    board.install(options.bundle ?? storedBundle(esp32 ? "boards/esp32/client" : "client"), options.bundle !== undefined);
    board.port(esp32 ? "Serial1" : "USB").connect(wire, 1);
    board.port(esp32 ? "Serial3" : "Serial1").connect(cartridge.wire, 0);
    if (card) board.port("Serial2").connect(card.wire, 0);
    this.open(name, world.hostPort(`${name} host`, wire, 0, esp32 ? 115_200 : 1_000_000));
    const device = new ClientDevice(this.transport(name), (milliseconds) => world.sleep(milliseconds));
    return { name, board, device, cartridge, card, reference: { role: ROLE_CLIENT, id: new Uint8Array(8), generation: 1 } };
  }

  /** Switches a client on and gives it its identity. */
  async enrollClient(client: SimulatedClient): Promise<void> {
    client.board.supply("wall", 3.3);
    await this.world.sleep(1000);
    client.reference = await this.enrollDevice(client.name, ROLE_CLIENT);
  }

  /** A fresh statement of the center's time, or of another one. */
  async tellTime(client: SimulatedClient, time: number = this.time()): Promise<void> {
    const nonce = await client.device.challengeTime();
    await client.device.stateTime(this.clientAuthority.stateTime(client.reference, nonce, time));
  }

  /** Takes the supply away for a second and waits for the start. */
  async restart(client: SimulatedClient): Promise<void> {
    client.board.supply("wall", 0);
    await this.world.sleep(1000);
    client.board.supply("wall", 3.3);
    await this.world.sleep(1000);
  }
}
