import { randomBytes } from "node:crypto";
import { expectFunction, expectLength, expectMember } from "../core/check.js";
import { INS_GENERATE_KEY_PAIR, INS_PERSONALIZE, INS_SEED } from "../core/protocol/constants.js";
import type { DeviceInfo, DeviceSession } from "./session.js";

/** What the center prepares for a blank device, once it has seen the public key that the device made. */
export interface Personalization {
  /** PERSONALIZE data, sealed for the device: 485 bytes. */
  sealed: Uint8Array;
  /** The device's certificate, 128 bytes. */
  certificate: Uint8Array;
}

/**
 * Makes a blank device somebody: seeds its generator, has it make its key pair, and gives it identity, device key and certificates.
 *
 * @param prepare - the center's part: certificate and sealed personalization for this public key
 * @param seed - 32 bytes for the device's generator
 * @returns the device's certificate
 * @throws Error for a device that is personalized already; DeviceError when the device refuses; the device then is as before
 */
export async function enroll(
  session: DeviceSession,
  prepare: (publicKey: Uint8Array, info: DeviceInfo) => Promise<Personalization>,
  seed: Uint8Array = new Uint8Array(randomBytes(32)),
): Promise<Uint8Array> {
  expectMember("session", session, "command", "a DeviceSession");
  expectFunction("prepare", prepare);
  expectLength("seed", seed, 32);
  const info = await session.info();
  const none = new Uint8Array(0);
  if (info.personalized)
    throw new Error(
      `This device is ${Buffer.from(info.id).toString("hex")} already; a device is personalized once, flash it anew to begin again.`,
    );
  await session.command(0x80, INS_SEED, 0, seed, "The device did not take its seed");
  const publicKey = await session.command(0x00, INS_GENERATE_KEY_PAIR, 0, none, "The device did not make a key pair");
  const { sealed, certificate } = await prepare(publicKey.slice(0, 32), info);
  expectLength("sealed", sealed, 485);
  expectLength("certificate", certificate, 128);
  await session.command(0x80, INS_PERSONALIZE, 0, sealed, "The device did not take its identity");
  return certificate;
}
