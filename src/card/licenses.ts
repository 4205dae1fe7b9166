import { equal, get32, scratch } from "../core/bytes.js";
import type { Device } from "../core/device/device.js";
import { SLOT_LICENSE } from "../core/device/identity.js";
import { journalGet, journalPut } from "../core/journal.js";
import { LICENSE_ID, LICENSE_LENGTH, LICENSE_RECORD, licenseWrappingKey, openLicense, sealLicense } from "../core/protocol/license.js";

/** Licenses that a card keeps. */
export const LICENSES = 4;

/** The one license in clear at a time; overwritten by `wipeLicense` when the work on it ends. */
export const license = scratch(LICENSE_LENGTH);
/** The same as stored: sealed under the wrapping key of its version. */
export const record = scratch(LICENSE_RECORD);
/** Wrapping key of the license last opened or stored. */
export const wrappingKey = scratch(32);

export function wipeLicense(): void {
  license.fill(0);
  wrappingKey.fill(0);
}

/** `wrappingKey` for `version` of the license whose id is `id`. */
export function deriveWrappingKey(device: Device, id: Uint8Array, version: number): void {
  licenseWrappingKey(wrappingKey, device.memory.deviceKey, device.memory.party.id, id, version);
}

/** Opens the license at `index` into `license` and `record`; false when there is none. */
export function loadLicense(device: Device, index: number): boolean {
  if (journalGet(device.memory.journal, SLOT_LICENSE, index, record) !== LICENSE_RECORD) return false;
  deriveWrappingKey(device, record.subarray(LICENSE_ID, LICENSE_ID + 16), get32(record, 0));
  return openLicense(license, wrappingKey, record);
}

/** Opens the license in which `id` (16 bytes) stands at `field`; answers its index, or -1 and nothing in clear. */
export function seekLicense(device: Device, field: number, id: Uint8Array): number {
  for (let i = 0; i < LICENSES; i++) if (loadLicense(device, i) && equal(license.subarray(field, field + 16), id)) return i;
  wipeLicense();
  return -1;
}

/** An index without a license that opens, or -1: what was sealed under a device key before this one is none any more. */
export function freeIndex(device: Device): number {
  for (let i = 0; i < LICENSES; i++) if (!loadLicense(device, i)) return i;
  return -1;
}

/** Seals `license` under the key of its own version and stores it durably at `index`. `record` and `wrappingKey` are those of that version. */
export function storeLicense(device: Device, index: number): boolean {
  deriveWrappingKey(device, license.subarray(LICENSE_ID, LICENSE_ID + 16), get32(license, 0));
  sealLicense(record, wrappingKey, license);
  return journalPut(device.memory.journal, SLOT_LICENSE, index, record);
}
