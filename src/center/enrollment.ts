import { randomBytes } from "node:crypto";
import {
  INS_GET_DATA,
  INS_PUT_DATA,
  INS_ROTATE,
  ROLE_CARD,
  ROLE_READER,
  TAG_LICENSE,
  TAG_READER_CERTIFICATE,
} from "../core/protocol/constants.js";
import { SW_OK } from "../core/link/apdu.js";
import { enroll } from "../host/enrollment.js";
import { HostParty } from "../host/party.js";
import { DeviceError, DeviceSession, type ApduTransport } from "../host/session.js";
import { Authority } from "./keys/authority.js";
import type { EnrolledDevice, KeyFolder, Validity } from "./keys/folder.js";
import type { Identity } from "./keys/identity.js";

/** Reader certificates that a card holds. */
const READERS = 2;
/** Licenses that a card holds at most. */
const LICENSES = 4;
/** The revocation epoch in which every device begins. */
export const FIRST_EPOCH = 1;

export interface EnrollmentOptions {
  validity: Validity;
  /** Present time, seconds: the device's first floor of time. */
  now: number;
  /** 8 bytes; drawn at random otherwise. */
  id?: Uint8Array;
  /** Refuses a device that plays another role. */
  role?: number;
}

/**
 * Makes the blank device at the other end of `transport` one of this center's. Its record is in the folder before the device learns who it is, so that no cut leaves
 * a device that nobody knows.
 *
 * @throws Error for a device that is somebody already, or plays another role; DeviceError when it refuses
 */
export async function enrollDevice(folder: KeyFolder, transport: ApduTransport, options: EnrollmentOptions): Promise<EnrolledDevice> {
  const session = new DeviceSession(transport);
  const id = options.id ?? new Uint8Array(randomBytes(8));
  const generation = folder.keys.generation;
  const authority = new Authority(folder.keys);
  let device: EnrolledDevice | undefined;
  try {
    await enroll(session, async (publicKey, info) => {
      if (options.role !== undefined && info.role !== options.role)
        throw new Error(`The device plays role ${String(info.role)}, not ${String(options.role)}; put the right one in.`);
      const chain = folder.certify({ role: info.role, id, publicKey, suites: info.suites }, options.validity);
      device = { role: info.role, id: hex(id), generation, chain: hex(chain), roots: folder.roots.map(hex), board: info.board };
      folder.saveDevice(device);
      const fields = { roots: folder.rootBytes, floor: options.now, epoch: FIRST_EPOCH, chain };
      return {
        certificate: chain.slice(0, 128),
        sealed: authority.sealPersonalization({ role: info.role, id, generation }, publicKey, fields),
      };
    });
  } catch (error) {
    // Only the last answer may have been lost: then the device says who it is now. Where nobody can say, the record stays.
    const info = device && (await session.info().catch(() => null));
    if (device && info?.personalized && hex(info.id) === device.id) return device;
    if (device && info) folder.removeDevice(device.id);
    throw error;
  }
  return device as unknown as EnrolledDevice;
}

/** How a device is renewed. */
export interface RenewalOptions {
  validity: Validity;
  now: () => number;
  /** Renews a card whatever licenses it holds; they are worth nothing afterwards. */
  destroyLicenses?: boolean;
}

/**
 * Brings a device to the newest master, roots and issuer. Safe to repeat: a device that is up to date proves it again. What was sealed under the key before does not open
 * any more, so a card with licenses is renewed only when told.
 *
 * @throws Error for a device of somebody else, for a card with licenses, and where roots changed and the master did not; DeviceError when it refuses; Error when its proof is
 *   not genuine: the generation before must then be kept
 */
export async function renewDevice(folder: KeyFolder, transport: ApduTransport, options: RenewalOptions): Promise<EnrolledDevice> {
  const session = new DeviceSession(transport);
  const authority = new Authority(folder.keys);
  const info = await session.info();
  if (!info.personalized) throw new Error("This device is blank; enroll it first.");
  const { pending, ...known } = folder.device(hex(info.id));
  const generation = folder.keys.generation;
  const device = { role: known.role, id: info.id };
  const roots = folder.roots.map(hex);
  if (info.generation !== generation && known.role === ROLE_CARD && options.destroyLicenses !== true)
    await requireNoLicenses(folder, transport, known.roots, options.now);
  // The one that was sent before, where there is one: the device may have it.
  let renewal = pending?.generation === generation ? pending : undefined;
  if (info.generation === generation && renewal === undefined && known.roots.join() !== roots.join())
    throw new Error("The device has the newest key, and takes other roots with a newer one only; run leyden enroll rotate master first.");
  if (renewal === undefined) {
    const publicKey = unhex(known.chain).slice(32, 64);
    const chain = folder.certify({ role: known.role, id: info.id, publicKey, suites: info.suites }, options.validity);
    renewal = info.generation === generation ? known : { generation, chain: hex(chain), roots };
  }
  const renewed: EnrolledDevice = { ...known, generation, chain: renewal.chain, roots: renewal.roots };
  if (known.generation !== generation) folder.saveDevice({ ...known, pending: renewal });
  const rootBytes = new Uint8Array(Buffer.concat(renewal.roots.map(unhex)));
  const sealed = authority.sealRotation({ ...device, generation: info.generation }, generation, rootBytes, unhex(renewal.chain));
  const proof = await session.command(0x80, INS_ROTATE, 0, sealed, "The device did not take its new key");
  if (!authority.verifyRotated({ ...device, generation }, proof))
    throw new Error("The device's proof that it holds its new key is not genuine; try again, and keep the old generation until then.");
  folder.saveDevice(renewed);
  return renewed;
}

/**
 * Throws an Error when the card holds licenses, or when it does not let this center look.
 *
 * @param roots - that the card trusts; one of them has signed its chain, and may be retired since
 */
async function requireNoLicenses(folder: KeyFolder, transport: ApduTransport, roots: string[], now: () => number): Promise<void> {
  const session = new DeviceSession(transport, partyOf({ ...folder.party, roots: unhex(roots.join("")) }, now));
  let held = 0;
  try {
    await session.authenticate(ROLE_CARD);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new Error(
      `The card does not show this center its licenses (status ${error.status.toString(16)}), which its new key would destroy; give --destroy-licenses if none of them is needed.`,
    );
  }
  for (let index = 0; index < LICENSES; index++)
    if ((await session.transfer(0x00, INS_GET_DATA, TAG_LICENSE + index, new Uint8Array(0))).sw === SW_OK) held++;
  session.close();
  if (held > 0)
    throw new Error(
      `The card holds ${String(held)} license${held === 1 ? "" : "s"}, which its new key would destroy; have ${held === 1 ? "it" : "them"} returned first, or give --destroy-licenses.`,
    );
}

/** Destroys a generation of the master. @throws Error while a device of the folder has a key of it, or when it is the newest */
export function destroyGeneration(folder: KeyFolder, generation: number): void {
  const left = folder.devices().filter((device) => device.generation === generation);
  if (left.length > 0)
    throw new Error(
      `${String(left.length)} device${left.length === 1 ? " has" : "s have"} a key of generation ${String(generation)}, ${left[0].id} among them; renew first.`,
    );
  folder.keys.destroyMaster(generation);
}

/**
 * Puts the certificates of enrolled readers onto a card, which hands them to the center at a kiosk (A16): the first two places, in order.
 *
 * @param readers - ids, at most two
 */
export async function giveReaders(folder: KeyFolder, transport: ApduTransport, readers: string[], now: () => number): Promise<void> {
  if (readers.length > READERS)
    throw new Error(`A card holds the certificates of ${String(READERS)} readers, not of ${String(readers.length)}.`);
  const certificates = readers.map((id) => {
    const device = folder.device(id);
    if (device.role !== ROLE_READER) throw new Error(`Device ${id} is no reader; name a reader.`);
    return unhex(device.chain).slice(0, 128);
  });
  const session = new DeviceSession(transport, partyOf(folder.party, now));
  await session.authenticate(ROLE_CARD);
  for (const [index, certificate] of certificates.entries())
    await session.command(
      0x00,
      INS_PUT_DATA,
      TAG_READER_CERTIFICATE + index,
      certificate,
      "The card did not take the reader's certificate",
    );
}

/** The party that a machine is, out of its identity file. */
export function partyOf(identity: Identity, now: () => number, revoked?: (id: Uint8Array) => boolean): HostParty {
  return new HostParty({ ...identity, epoch: FIRST_EPOCH, time: now, revoked });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
