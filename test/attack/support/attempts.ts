/** What an attacker tries at the kiosk's slots, and what the device says to it. */
import * as assert from "uvu/assert";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../../../src/core/protocol/constants.js";
import { HostParty } from "../../../src/host/party.js";
import { DeviceError, DeviceSession, type ApduTransport } from "../../../src/host/session.js";
import { SECOND, type Stage } from "../../scenario/support/stage.js";

/** Status with which the card (or cartridge) ends an authentication of `party`: 0x9000 when it succeeds. */
export async function authenticates(stage: Stage, party: HostParty, name: "card" | "cartridge" = "card"): Promise<number> {
  const role = name === "card" ? ROLE_CARD : ROLE_CARTRIDGE;
  try {
    await stage.session(name, party).authenticate(role);
    return 0x9000;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return error.status;
  }
}

/** Whether the reader takes the card that has come into its slot; where not, it says so. */
export async function readerTakesCard(stage: Stage): Promise<boolean> {
  await stage.world.sleep(20 * SECOND);
  const { sessions, cardRefusal } = await stage.status();
  assert.is(cardRefusal, sessions & 1 ? 0 : 0x6982);
  return (sessions & 1) === 1;
}

/** The same party with something false about it. */
export function altered(
  party: HostParty,
  stage: Stage,
  change: { id?: Uint8Array; chain?: Uint8Array; privateKey?: Uint8Array; role?: number },
): HostParty {
  return new HostParty({
    id: change.id ?? party.id,
    role: change.role ?? party.role,
    privateKey: change.privateKey ?? party.privateKey,
    chain: change.chain ?? party.chain,
    roots: party.roots,
    epoch: party.epoch,
    time: () => stage.time(),
    random: (out) => {
      out.set(stage.draw(out.length));
    },
  });
}

/** Lets somebody sit on the wire: every command of the session passes through `change`. */
export function tapped(
  stage: Stage,
  name: "card" | "cartridge",
  party: HostParty,
  change: (apdu: Uint8Array) => Uint8Array,
): DeviceSession {
  const carry = stage.device(name).carry as (apdu: Uint8Array) => Promise<Uint8Array>;
  const transport: ApduTransport = { transmit: (apdu) => carry(change(apdu)) };
  return new DeviceSession(transport, party);
}
