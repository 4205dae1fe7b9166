/** Contents, orders and licenses for clients in tests, made by the center's own functions. */
import { randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import type { CopyFields } from "../../src/core/protocol/copy-certificate.js";
import { signCopyCertificate, type GrantKeys, type Period, type StoredContent } from "../../src/center/keys/client-authority.js";
import { signingKey } from "../../src/center/keys/certificates.js";
import { blockSlice, enablingBlock } from "../../src/center/tree/block.js";
import { clientKeys, mediaKey, type KeyTree } from "../../src/center/tree/keys.js";
import { ed25519Sign } from "../../src/core/curve/curve.js";
import { adoptNatives } from "../../src/core/adopt.js";
import { HEADER_LENGTH, headerEncode } from "../../src/core/stream/header.js";
import { sealContent } from "../../src/core/stream/flow.js";
import { SCHEME_COMPLETE_SUBTREE } from "../../src/core/tree/tree.js";
import { suite2 } from "../../src/core/stream/suite2.js";
import type { ContentSource, Envelope } from "../../src/host/client-device.js";
import { DeviceError } from "../../src/host/session.js";
import { nodeNatives } from "../../src/host/natives-node.js";
import { encodeTerms, type TermsRequest } from "../../src/kiosk/rental.js";
import type { ClientWorld, SimulatedClient } from "../../sim/client-world.js";

adoptNatives(nodeNatives);

export interface SealedTitle {
  contentId: Uint8Array;
  titleKey: Uint8Array;
  plain: Uint8Array;
  stored: StoredContent;
  source: ContentSource;
}

/** A content of `length` random bytes. */
export function makeTitle(length: number, contentId: Uint8Array = random(16)): SealedTitle {
  const plain = random(length);
  const titleKey = random(32);
  const header = new Uint8Array(HEADER_LENGTH);
  headerEncode(header, { suite: suite2.id, chunkSize: 480, contentId, titleKeyVersion: 1, salt: random(16) });
  const sealed = sealContent(suite2, header, titleKey, plain).slice(HEADER_LENGTH);
  const stored = { header, sealedLength: sealed.length, rate: 0 };
  const read = (offset: number, count: number): Promise<Uint8Array> => Promise.resolve(sealed.slice(offset, offset + count));
  return { contentId, titleKey, plain, stored, source: { ...stored, read } };
}

/** The client refuses with this status, and with this byte of reason where one is named. */
export async function fails(work: () => Promise<unknown>, status: number, reason?: number): Promise<void> {
  const error = await refused(work);
  assert.is(error.status.toString(16), status.toString(16));
  if (reason !== undefined) assert.equal(error.data, Uint8Array.of(reason));
}

/** The client refuses; answers how. */
export async function refused(work: () => Promise<unknown>): Promise<DeviceError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DeviceError) return error;
    throw error;
  }
  throw new Error("the client refuses nothing");
}

/** Where `secret` still stands in the client: its memory, its flash. */
export function leftovers(client: SimulatedClient, secret: Uint8Array): string[] {
  const places: string[] = [];
  const nor = client.board.nor("A4");
  if (client.board.searchMemory(secret) > 0) places.push("memory");
  if (nor && Buffer.from(nor.flash.cells).includes(Buffer.from(secret))) places.push("flash");
  return places;
}

export function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

export interface Order {
  period: Period;
  key: Uint8Array;
  envelope: Envelope;
  /** For LOAD PERIOD KEY. */
  sealed: Uint8Array;
}

/** An order of `title` for a client, from `start` to `end`, seconds. */
export function makeOrder(world: ClientWorld, client: SimulatedClient, title: SealedTitle, start: number, end: number): Order {
  const period = { orderId: random(16), contentId: title.contentId, start, end };
  const key = random(32);
  const envelope = world.clientAuthority.sealOrderEnvelope(client.reference, period, key, title.stored, title.titleKey);
  return {
    period,
    key,
    envelope: { id: period.orderId, envelope },
    sealed: world.clientAuthority.sealPeriodKey(client.reference, period, key),
  };
}

/** What a household needs of its world, and of a client. */
export type Surroundings = Pick<ClientWorld, "clientAuthority" | "time">;
export type Member = Pick<SimulatedClient, "name" | "device" | "reference">;

/** A license server, and the key tree of its clients. */
export class Household {
  readonly seed = random(32);
  readonly server = { id: random(8), publicKey: signingKey(this.seed).publicKey };
  readonly signerSeed = random(32);
  readonly tree: KeyTree = { id: random(8), scheme: SCHEME_COMPLETE_SUBTREE, depth: 20, master: random(32) };
  epoch = 1;
  readonly revoked: number[] = [];
  private serials = 0;
  private readonly leaves = new Map<string, number>();

  constructor(readonly world: Surroundings) {}

  async register(client: Member, leaf: number, serial = 1): Promise<void> {
    this.leaves.set(client.name, leaf);
    await client.device.register(
      this.world.clientAuthority.register(client.reference, {
        serial,
        server: this.server,
        tree: { keys: clientKeys(this.tree, leaf), signer: signingKey(this.signerSeed).publicKey },
      }),
    );
  }

  /** The client's part of the enabling block of the present epoch; null when it is revoked. */
  async slice(client: Member): Promise<Uint8Array | null> {
    const signer = {
      publicKey: signingKey(this.signerSeed).publicKey,
      sign: (message: Uint8Array): Uint8Array => {
        const signature = new Uint8Array(64);
        ed25519Sign(signature, this.signerSeed, [message]);
        return signature;
      },
    };
    const content = new Uint8Array(16);
    const block = await enablingBlock(
      this.tree,
      { epoch: this.epoch, content, mediaKey: mediaKey(this.tree, this.epoch, content), revoked: this.revoked },
      signer,
    );
    return blockSlice(block, this.leaves.get(client.name) ?? 0);
  }

  async enable(client: Member): Promise<void> {
    const slice = await this.slice(client);
    if (!slice) throw new Error(`${client.name} is revoked`);
    await client.device.enable(slice);
  }

  keys(title: SealedTitle, licenseKey: Uint8Array): GrantKeys {
    return { licenseKey, mediaKey: mediaKey(this.tree, this.epoch, new Uint8Array(16)), epoch: this.epoch, titleKey: title.titleKey };
  }

  terms(terms: Partial<TermsRequest> = {}): Uint8Array {
    return encodeTerms({ custody: 1, duration: 86_400, kioskId: new Uint8Array(8), ...terms });
  }

  /** Issues a license of `title` to a client; answers its id, its nonce, and what the client took. */
  async license(
    client: Member,
    title: SealedTitle,
    terms: Partial<TermsRequest> = {},
  ): Promise<{ id: Uint8Array; key: Uint8Array; terms: Uint8Array }> {
    const id = random(16);
    const key = random(32);
    const grant = { terms: this.terms(terms), issued: this.world.time(), conditions: new Uint8Array(12) };
    const { nonce } = await client.device.requestLicense(title.contentId);
    await client.device.takeLicense(
      this.world.clientAuthority.sealClientLicense(
        client.reference,
        id,
        title.contentId,
        nonce,
        grant,
        this.keys(title, key),
        title.stored,
      ),
    );
    return { id, key, terms: grant.terms };
  }

  /** A copy certificate for `destination`. */
  certificate(
    source: Member,
    destination: Member,
    title: SealedTitle,
    license: { id: Uint8Array; key: Uint8Array; terms: Uint8Array },
    conditions: Uint8Array,
    use: Uint8Array = random(16),
  ): Uint8Array {
    const now = this.world.time();
    const fields: CopyFields = {
      server: this.server.id,
      source: source.reference.id,
      destination: destination.reference.id,
      license: license.id,
      content: title.contentId,
      use,
      serial: ++this.serials,
      issued: now,
      expiry: now + 86_400,
    };
    return signCopyCertificate(
      this.seed,
      this.world.clientAuthority.sealCopyCertificate(
        destination.reference,
        fields,
        { terms: license.terms, issued: now, conditions },
        this.keys(title, license.key),
        title.stored,
      ),
    );
  }
}
