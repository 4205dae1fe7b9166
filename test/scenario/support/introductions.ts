import type { DeviceReference } from "../../../src/center/keys/authority.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_KIOSK, ROLE_READER } from "../../../src/core/protocol/constants.js";
import type { Stage } from "./stage.js";

export const ROLES = { card: ROLE_CARD, cartridge: ROLE_CARTRIDGE, reader: ROLE_READER } as const;
export type Name = keyof typeof ROLES;

/** The center's part: it knows devices by id, and gives each ticket a serial above the last. */
export class Introductions {
  private readonly serials = new Map<string, number>();
  expiry: number;
  epoch = 1;

  constructor(private readonly stage: Stage) {
    this.expiry = stage.time() + 7 * 86_400;
  }

  reference(name: Name | "kiosk"): DeviceReference {
    const { stage } = this;
    if (name === "kiosk") return { role: ROLE_KIOSK, id: stage.kiosk.id, generation: stage.keys.generation };
    return { role: ROLES[name], id: this.certificate(name).slice(4, 12), generation: stage.keys.generation };
  }

  certificate(name: Name | "kiosk"): Uint8Array {
    return name === "kiosk" ? this.stage.kiosk.chain.slice(0, 128) : (this.stage.certificates.get(name) ?? new Uint8Array(128));
  }

  tickets(first: Name | "kiosk", second: Name | "kiosk"): [Uint8Array, Uint8Array] {
    const serial = (name: string): number => {
      this.serials.set(name, (this.serials.get(name) ?? 0) + 1);
      return this.serials.get(name) ?? 0;
    };
    return this.stage.authority.introduce(
      [this.reference(first), this.reference(second)],
      [this.certificate(first), this.certificate(second)],
      [serial(first), serial(second)],
      this.expiry,
      this.epoch,
    ).tickets;
  }
}

/** The kiosk's device key, under which its half of an introduction is sealed. */
export function kioskKey(stage: Stage): Uint8Array {
  return stage.keys.deviceKey(ROLE_KIOSK, stage.kiosk.id, stage.keys.generation);
}
