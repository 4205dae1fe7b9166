/**
 * Writes docs/vectors/format.json: one of every record and message that docs/format.md describes, made by this code from fixed inputs. `npm run docs:format`,
 * after a change of a format, which is then a new version.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Authority, type DeviceReference } from "../../src/center/keys/authority.js";
import { issueCertificate, issueIssuer, signingKey } from "../../src/center/keys/certificates.js";
import { MemoryKeyProvider } from "../../src/center/keys/provider.js";
import type { AreaBody } from "../../src/center/api/delivery-messages.js";
import { encodeDirectory } from "../../src/center/loans/section.js";
import { x25519Base } from "../../src/core/curve/curve.js";
import { hkdf } from "../../src/core/hash/hkdf.js";
import { createJournal, journalKey, journalPut, type Flash } from "../../src/core/journal.js";
import * as labels from "../../src/core/protocol/derive.js";
import {
  CUSTODY_SPLIT,
  INS_ROTATE,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_READER,
  TAG_REVOKED,
  TAG_TICKET,
} from "../../src/core/protocol/constants.js";
import { IDENTITY_LENGTH, SLOT_STATE } from "../../src/core/device/identity.js";
import {
  LICENSE_LENGTH,
  LICENSE_MAC,
  LICENSE_RECORD,
  licenseMac,
  licenseWrappingKey,
  sealLicense,
} from "../../src/core/protocol/license.js";
import * as loan from "../../src/core/protocol/loan.js";
import { encodeTerms } from "../../src/kiosk/rental.js";

export const FORMAT_VECTORS = new URL("../../docs/vectors/format.json", import.meta.url);

type Vectors = Record<string, Record<string, string | number>>;

const TIME = 1_800_000_000;
const none = new Uint8Array(0);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** `length` bytes that count up from `first`. */
const run = (first: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i) & 255);
const u32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const filled = (length: number, fill: (out: Uint8Array) => void): Uint8Array => {
  const out = new Uint8Array(length);
  fill(out);
  return out;
};

/** Regions in memory. */
function memoryFlash(regions: Uint8Array[]): Flash {
  return {
    regionLength: regions[0].length,
    programUnit: 4,
    read: (region, offset, out) => {
      out.set(regions[region].subarray(offset, offset + out.length));
    },
    program: (region, offset, bytes) => {
      regions[region].set(bytes, offset);
    },
    erase: (region) => {
      regions[region].fill(255);
    },
  };
}

/** Everything, each by its name in docs/format.md; byte strings in hexadecimal. */
export function formatVectors(): Vectors {
  // The one thing drawn at random is the ephemeral key of a personalization and a seed in it.
  let drawn = 0x40;
  const keys = new MemoryKeyProvider(run(0, 32));
  const master = filled(32, (out) => {
    hkdf(out, new TextEncoder().encode("master"), run(0, 32), Uint8Array.of(1));
  });
  const authority = new Authority(keys, (length) => run((drawn += 0x20), length));
  const device = (role: number, first: number): DeviceReference => ({ role, id: run(first, 8), generation: 1 });
  const key = ({ role, id, generation }: DeviceReference): Uint8Array => keys.deviceKey(role, id, generation);
  const card = device(ROLE_CARD, 0x10);
  const cartridge = device(ROLE_CARTRIDGE, 0x20);
  const reader = device(ROLE_READER, 0x30);

  const root = signingKey(run(0x60, 32));
  const issuer = signingKey(run(0x80, 32));
  const privateKey = run(0xc8, 32);
  const publicKey = filled(32, (out) => {
    x25519Base(out, privateKey);
  });
  const issuerCertificate = issueIssuer(root, issuer, 1, TIME, TIME + 31_536_000);
  const certify = ({ role, id }: DeviceReference, serial: number): Uint8Array =>
    issueCertificate(issuer, { role, suites: 2, subject: id, serial, notBefore: TIME, notAfter: TIME + 31_536_000, publicKey });
  const certificates: [Uint8Array, Uint8Array] = [certify(card, 2), certify(reader, 3)];

  const terms = encodeTerms({
    custody: CUSTODY_SPLIT,
    duration: 604_800,
    kioskId: run(0x90, 8),
    plays: 3,
    notBefore: TIME,
    notAfter: TIME + 604_800,
    window: 172_800,
    totalSeconds: 36_000,
    readers: 2,
    reader: reader.id,
    price: 250,
  });
  const reference = { loanId: run(0xb0, 16), contentId: run(0x50, 16), terms };
  const seed = run(0xc0, 32);
  const { loanKey, cartridgePart, cardPart } = authority.makeLoanKey(reference, seed);
  const challenge = run(0xd0, 16);
  const contract = join(reference.loanId, reference.contentId, cartridge.id, terms);
  const licenseId = run(0xe0, 16);
  const nonce = run(0x70, 16);

  const license = new Uint8Array(LICENSE_LENGTH);
  license.set(u32(1));
  license.set(licenseId, 4);
  license.set(contract, 20);
  license.set(u32(TIME), 108);
  license.set(cardPart, 188);
  licenseMac(license.subarray(LICENSE_MAC, LICENSE_MAC + 16), key(card), license);
  const wrappingKey = filled(32, (out) => {
    licenseWrappingKey(out, key(card), card.id, licenseId, 1);
  });

  const header = join(
    Uint8Array.from(Buffer.from("LEYD")),
    Uint8Array.of(1, 2, 1, 0xe0),
    reference.contentId,
    Uint8Array.of(0, 1),
    run(0, 16),
    new Uint8Array(6),
  );
  const titleKey = run(0xf0, 32);
  const receipt = new Uint8Array(loan.RECEIPT_LENGTH);
  receipt.set([1, loan.CAUSE_DEADLINE, 0, 0]);
  receipt.set(join(cartridge.id, reference.loanId, u32(7), u32(604_780), u32(604_780), u32(TIME)), 4);
  loan.prove(receipt.subarray(loan.RECEIPT_SIGNED), key(cartridge), loan.MESSAGE_RECEIPT, receipt.subarray(0, loan.RECEIPT_SIGNED));

  const pictures = [run(1, 20), run(101, 7)];
  const icon = (left: number, address: string): AreaBody => ({ left, top: 0, right: left + 100, bottom: 255, address });
  const adverts = [
    {
      id: "a1a2a3a4a5a6a7a8",
      mediaType: "image/png",
      areas: [icon(0, "https://ads.example.com/a"), icon(128, "https://ads.example.com/b")],
    },
    { id: "b1b2b3b4b5b6b7b8", mediaType: "image/gif", areas: [] },
  ].map((advert, i) => ({
    ...advert,
    length: pictures[i].length,
    sha256: createHash("sha256").update(pictures[i]).digest("hex"),
  }));

  const introduced = authority.introduce([card, reader], certificates, [5, 6], TIME + 3600, 1);
  const ephemeral = run(drawn + 0x20, 32);
  const personalization = authority.sealPersonalization(card, publicKey, {
    roots: join(root.publicKey, run(0, 32)),
    floor: TIME,
    epoch: 1,
    chain: join(certificates[0], issuerCertificate),
  });
  const identity = new Uint8Array(IDENTITY_LENGTH);
  identity.set(join(card.id, Uint8Array.of(card.role), u32(card.generation), privateKey, key(card), root.publicKey, run(0, 32)));
  const journalMacKey = filled(32, (out) => {
    labels.derive(out, key(card), labels.KEY_JOURNAL, none);
  });

  const regions = [new Uint8Array(256).fill(255), new Uint8Array(256).fill(255)];
  const journal = createJournal(memoryFlash(regions));
  journalKey(journal, journalMacKey);
  journalPut(journal, SLOT_STATE, 0, join(u32(TIME), u32(1), u32(5), Uint8Array.of(0)));

  return {
    "device key": {
      master: hex(master),
      role: card.role,
      deviceId: hex(card.id),
      generation: 1,
      deviceKey: hex(key(card)),
      ...Object.fromEntries(
        Object.entries(labels)
          .filter(([name]) => name.startsWith("KEY_"))
          .map(([name, label]) => [
            name.slice(4).toLowerCase().replaceAll("_", " "),
            hex(
              filled(32, (out) => {
                labels.derive(out, key(card), label as number, none);
              }),
            ),
          ]),
      ),
    },
    certificate: {
      rootSeed: hex(root.seed),
      rootPublicKey: hex(root.publicKey),
      issuerSeed: hex(issuer.seed),
      issuerCertificate: hex(issuerCertificate),
      privateKey: hex(privateKey),
      certificate: hex(certificates[0]),
    },
    terms: { terms: hex(terms) },
    "loan key": { shareA: hex(cartridgePart), shareB: hex(cardPart), loanId: hex(reference.loanId), loanKey: hex(loanKey) },
    license: {
      cardKey: hex(key(card)),
      cardId: hex(card.id),
      license: hex(license),
      wrappingKey: hex(wrappingKey),
      record: hex(
        filled(LICENSE_RECORD, (out) => {
          sealLicense(out, wrappingKey, license);
        }),
      ),
    },
    contract: {
      nonce: hex(nonce),
      contract: hex(
        filled(32 + contract.length, (out) => {
          loan.sealFor(out, key(card), labels.KEY_CONTRACT, loan.MESSAGE_CONTRACT, card.id, none, join(nonce, contract));
        }),
      ),
      license: hex(authority.sealLicense(card, licenseId, nonce, contract, TIME, cardPart)),
      completion: hex(
        filled(16, (out) => {
          loan.prove(out, key(card), loan.MESSAGE_COMPLETION, join(licenseId, nonce));
        }),
      ),
      revocation: hex(authority.sealRevocation(card, licenseId, nonce)),
      revoked: hex(
        filled(16, (out) => {
          loan.prove(out, key(card), loan.MESSAGE_REVOKED, join(licenseId, nonce));
        }),
      ),
    },
    envelope: {
      header: hex(header),
      cartridgeId: hex(cartridge.id),
      sealedLength: 992,
      rate: 8000,
      titleKey: hex(titleKey),
      envelope: hex(authority.sealEnvelope(reference, cartridge.id, loanKey, titleKey, header, 992, 8000)),
    },
    adverts: {
      loanKey: hex(loanKey),
      pictureA: hex(pictures[0]),
      pictureB: hex(pictures[1]),
      section: hex(join(encodeDirectory(adverts, loanKey), ...pictures)),
    },
    "key load": {
      cartridgeKey: hex(key(cartridge)),
      challenge: hex(challenge),
      counter: 7,
      keyLoad: hex(authority.sealKeyLoad(cartridge, reference, 7, challenge, cartridgePart)),
      held: hex(
        filled(16, (out) => {
          loan.prove(out, key(cartridge), loan.MESSAGE_HELD, join(reference.loanId, challenge, u32(7)));
        }),
      ),
    },
    activation: { time: TIME, activation: hex(authority.sealActivation(cartridge, reference.loanId, 7, challenge, TIME)) },
    receipt: { receipt: hex(receipt), acknowledgement: hex(authority.acknowledge(cartridge, reference.loanId, 7)) },
    ticket: {
      cardKey: hex(key(card)),
      readerKey: hex(key(reader)),
      readerId: hex(reader.id),
      cardCertificate: hex(certificates[0]),
      readerCertificate: hex(certificates[1]),
      pairId: hex(introduced.pairId),
      secret: hex(introduced.secret),
      message: TAG_TICKET & 255,
      cardTicket: hex(introduced.tickets[0]),
      readerTicket: hex(introduced.tickets[1]),
    },
    "revoked devices": { message: TAG_REVOKED & 255, list: hex(authority.sealRevoked(card, 2, [cartridge.id, reader.id])) },
    personalization: {
      devicePrivateKey: hex(privateKey),
      ephemeralPrivateKey: hex(ephemeral),
      personalization: hex(personalization),
    },
    rotation: {
      generation: 2,
      newKey: hex(run(0x33, 32)),
      proof: hex(
        filled(16, (out) => {
          loan.prove(out, run(0x33, 32), loan.MESSAGE_ROTATED, u32(2));
        }),
      ),
      rotation: hex(
        filled(372, (out) => {
          const plain = join(u32(2), run(0x33, 32), root.publicKey, run(0, 32), certificates[0], issuerCertificate);
          loan.sealFor(out, key(card), labels.KEY_ROTATION, INS_ROTATE, card.id, none, plain);
        }),
      ),
    },
    "identity record": { identity: hex(identity) },
    "journal record": {
      journalKey: hex(journalMacKey),
      type: SLOT_STATE,
      index: 0,
      header: hex(regions[0].subarray(0, 16)),
      record: hex(regions[0].subarray(16, 64)),
    },
  };
}

export function formatText(): string {
  return `${JSON.stringify(formatVectors(), null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(new URL(".", FORMAT_VECTORS), { recursive: true });
  writeFileSync(FORMAT_VECTORS, formatText());
}
