import { ReceivedBody, answered, sentenceOf, type Manifest } from "../center/api/delivery-messages.js";
import type { Answer, Outgoing } from "../host/outgoing.js";
import type { StoreContents } from "./contents.js";

export interface Instruction {
  orderId: string;
  contentId: string;
  version: number;
  /** Of the terminal. */
  address: string;
  /** The center's signed manifest, for the terminal. */
  manifest: string;
}

export interface Sending {
  state: "sending" | "done" | "failed";
  sent: number;
  error: string;
}

interface Run extends Sending {
  /** Resolves when it is done or has failed. */
  ended: Promise<void>;
}

/** Contents that are sent at the same time: in all, and to one terminal's address; others wait for their turn. */
const AT_ONCE = 64;
const AT_ONE_ADDRESS = 16;
/** Finished deliveries that are remembered; asked about an older one, the store asks the terminal. */
const REMEMBERED = 10_000;
/** Milliseconds without any progress. */
const PATIENCE = 30_000;

/**
 * Sends sealed contents to terminals. Nothing of it is kept on disk: the center repeats its instruction until it hears that the content has arrived, and
 * the terminal knows how far it has come.
 */
export class Sender {
  private readonly sendings = new Map<string, Run>();
  private readonly waiting: { address: string; begin: () => void }[] = [];
  private readonly running = new Map<string, number>();
  private runs = 0;

  constructor(
    private readonly contents: StoreContents,
    private readonly outgoing: Outgoing,
    private readonly progress: (orderId: string, sent: number, length: number) => void = () => undefined,
  ) {}

  /**
   * How the delivery stands; begins it where it is not known, and begins it again after it failed.
   *
   * @param patience - milliseconds to wait for its end
   */
  async instruct(instruction: Instruction, manifest: Manifest, patience: number): Promise<Sending> {
    const { orderId } = instruction;
    const run = this.sendings.get(orderId) ?? this.begin(instruction, manifest);
    if (run.state === "sending") {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([run.ended, new Promise((resolve) => (timer = setTimeout(resolve, patience)))]);
      clearTimeout(timer);
    }
    // What failed is told once; the next instruction tries anew.
    if (run.state === "failed" && this.sendings.get(orderId) === run) this.sendings.delete(orderId);
    return { state: run.state, sent: run.sent, error: run.error };
  }

  private begin(instruction: Instruction, manifest: Manifest): Run {
    const run: Run = { state: "sending", sent: 0, error: "", ended: Promise.resolve() };
    this.sendings.set(instruction.orderId, run);
    run.ended = this.turn(instruction.address, () => this.send(instruction, manifest, run)).then(
      () => {
        run.state = "done";
        this.forget();
      },
      (error: unknown) => {
        run.state = "failed";
        run.error = error instanceof Error ? error.message : String(error);
      },
    );
    return run;
  }

  /** Does `work` when there is room for it, in the order of asking for each address. */
  private async turn(address: string, work: () => Promise<void>): Promise<void> {
    if (!this.room(address)) await new Promise<void>((begin) => this.waiting.push({ address, begin }));
    else this.count(address, 1);
    try {
      await work();
    } finally {
      this.count(address, -1);
      const next = this.waiting.findIndex((other) => this.room(other.address));
      if (next >= 0) {
        const [{ address: whose, begin }] = this.waiting.splice(next, 1);
        this.count(whose, 1);
        begin();
      }
    }
  }

  private room(address: string): boolean {
    return this.runs < AT_ONCE && (this.running.get(address) ?? 0) < AT_ONE_ADDRESS;
  }

  private count(address: string, change: 1 | -1): void {
    const now = (this.running.get(address) ?? 0) + change;
    this.runs += change;
    if (now > 0) this.running.set(address, now);
    else this.running.delete(address);
  }

  private async send(instruction: Instruction, manifest: Manifest, sending: Sending): Promise<void> {
    const base = `${instruction.address}/v1/orders/${instruction.orderId}/content`;
    for (;;) {
      const began = received(
        await this.outgoing.send(base, { method: "POST", body: json({ manifest: instruction.manifest }), headers: JSON_TYPE }),
        base,
      );
      sending.sent = began.received;
      for (const id of began.adverts) await this.advert(instruction, manifest, id);
      if (began.received === manifest.length) return;
      try {
        await this.bytes(instruction, manifest, sending, began.received);
      } catch (error) {
        // Cut on the way: as long as each try brings it further, the next one goes on from there.
        const now = received(await this.outgoing.send(base, { method: "GET" }), base);
        if (now.received <= began.received) throw error;
      }
    }
  }

  private async bytes(instruction: Instruction, manifest: Manifest, sending: Sending, from: number): Promise<void> {
    const { orderId, contentId, version, address } = instruction;
    const body = this.contents.sealed(contentId, version, from);
    body.on("data", (bytes) => {
      sending.sent += bytes.length;
      this.progress(orderId, sending.sent, manifest.length);
    });
    const answer = await this.outgoing.send(`${address}/v1/orders/${orderId}/content`, {
      method: "PUT",
      body,
      headers: {
        "content-type": "application/octet-stream",
        "content-length": manifest.length - from,
        "content-range": `bytes ${String(from)}-${String(manifest.length - 1)}/${String(manifest.length)}`,
      },
      timeout: PATIENCE,
    });
    received(answer, address);
  }

  private async advert({ orderId, address }: Instruction, manifest: Manifest, id: string): Promise<void> {
    const advert = manifest.adverts.find((candidate) => candidate.id === id);
    if (advert === undefined) throw new Error(`The terminal asks for an advert ${id} that the content does not have.`);
    const to = `${address}/v1/orders/${orderId}/adverts/${id}`;
    received(
      await this.outgoing.send(to, {
        method: "PUT",
        body: this.contents.picture(advert.sha256),
        headers: { "content-type": advert.mediaType },
      }),
      to,
    );
  }

  private forget(): void {
    for (const [orderId, { state }] of this.sendings) {
      if (this.sendings.size <= REMEMBERED) return;
      if (state === "done") this.sendings.delete(orderId);
    }
  }
}

const JSON_TYPE = { "content-type": "application/json" };

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function received(answer: Answer, address: string): { received: number; adverts: string[] } {
  const body = answered(answer, ReceivedBody);
  if (body !== undefined) return body;
  const sentence = sentenceOf(answer);
  throw new Error(sentence || `${address} answers with something else than a terminal (${String(answer.status)}); check the address.`);
}
