import * as assert from "uvu/assert";
import fc from "../generate.js";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTcp } from "../../src/host/tcp.js";
import { Transport } from "../../src/host/transport.js";
import { Messages, cardBehind, frameMessage, listenAsCard, offerCard, type OfferChange, type VirtualCard } from "../../src/host/vpcd.js";
import { LiveBoard } from "../../sim/live.js";
import { suite } from "../suite.js";

const test = suite("a card for PC/SC programs");
const folder = mkdtempSync(join(tmpdir(), "leyden-vpcd-"));
const quiet: OfferChange = () => undefined;
let board: LiveBoard;
let transport: Transport;

test.before(async () => {
  board = await LiveBoard.start({ role: "card", folder: join(folder, "card"), days: 1, port: 0 });
  transport = new Transport(await openTcp(board.addresses.home));
});
test.after(async () => {
  await transport.close();
  await board.stop();
  rmSync(folder, { recursive: true });
});

/** vpcd's side: sends bytes, and answers what came back. */
class Reader {
  #bytes = Buffer.alloc(0);
  #wanted: (() => void) | undefined;
  closed = false;

  constructor(readonly socket: Socket) {
    socket.on("data", (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#wanted?.();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      this.#wanted?.();
    });
  }

  async take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length && !this.closed) await new Promise<void>((resolve) => (this.#wanted = resolve));
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async ended(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => (this.#wanted = resolve));
  }

  async exchange(message: string): Promise<string> {
    this.socket.write(frameMessage(Buffer.from(message, "hex")));
    const head = await this.take(2);
    return head.length < 2 ? "closed" : (await this.take(head.readUInt16BE(0))).toString("hex");
  }
}

/** A vpcd that listens, as it does by default; answers the next card that connects. */
async function listening(): Promise<{ server: Server; port: number; next: () => Promise<Reader> }> {
  const waiting: Reader[] = [];
  let take: ((reader: Reader) => void) | undefined;
  const server = createServer((socket) => {
    const reader = new Reader(socket);
    if (take) take(reader);
    else waiting.push(reader);
    take = undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    next: () => {
      const reader = waiting.shift();
      return reader ? Promise.resolve(reader) : new Promise((resolve) => (take = resolve));
    },
  };
}

async function replay(reader: Reader): Promise<number> {
  let answers = 0;
  for (const line of readFileSync(new URL("vpcd-transcript.txt", import.meta.url), "latin1")
    .trim()
    .split("\n")) {
    const bytes = Buffer.from(line.slice(2), "hex");
    if (line.startsWith(">")) reader.socket.write(bytes);
    else if (line.startsWith("<")) {
      assert.is((await reader.take(bytes.length)).toString("hex"), bytes.toString("hex"));
      answers++;
    }
  }
  return answers;
}

test("a recorded conversation of pcscd is answered byte by byte, with vpcd listening", async () => {
  const vpcd = await listening();
  const offer = offerCard(cardBehind(transport), "127.0.0.1", vpcd.port, quiet);
  try {
    assert.ok((await replay(await vpcd.next())) > 15);
  } finally {
    await offer.close();
    vpcd.server.close();
  }
});

test("the same in reversed mode, with the card listening; a second vpcd is turned away", async () => {
  const offer = await listenAsCard(cardBehind(transport), 0, quiet);
  try {
    const reader = new Reader(connect(offer.port ?? 0, "127.0.0.1"));
    assert.ok((await replay(reader)) > 15);
    await new Reader(connect(offer.port ?? 0, "127.0.0.1")).ended();
    assert.is((await reader.exchange("04")).slice(0, 2), "3b");
    reader.socket.destroy();
  } finally {
    await offer.close();
  }
});

test("a card that is taken out leaves vpcd's reader, and comes back into it when it is there again", async () => {
  const vpcd = await listening();
  let there = true;
  const told: boolean[] = [];
  const offer = offerCard(
    cardBehind(transport),
    "127.0.0.1",
    vpcd.port,
    (connected) => told.push(connected),
    () => there,
  );
  try {
    const first = await vpcd.next();
    assert.is((await first.exchange("04")).slice(0, 2), "3b");
    there = false;
    offer.eject();
    await first.ended();
    there = true;
    assert.is((await (await vpcd.next()).exchange("00ca010000")).slice(-4), "6982");
    assert.equal(told, [true, false, true]);
  } finally {
    await offer.close();
    vpcd.server.close();
  }
});

test("what no reader sends gets an error, or ends the connection; never a hang", async () => {
  const offer = await listenAsCard(cardBehind(transport), 0, quiet);
  const reader = new Reader(connect(offer.port ?? 0, "127.0.0.1"));
  try {
    assert.is(await reader.exchange(""), "6700", "no bytes at all");
    assert.is(await reader.exchange("00".repeat(641)), "6700", "longer than any command");
    assert.is(await reader.exchange("ff".repeat(65_535)), "6700");
    assert.is((await reader.exchange("00a4")).length, 4, "half a header");
    assert.is(await reader.exchange("03"), "closed", "a control code that means nothing");
  } finally {
    await offer.close();
  }
});

test("a card that fails is no card: the connection ends", async () => {
  const broken: VirtualCard = {
    answerToReset: () => Promise.resolve(new Uint8Array([0x3b, 0])),
    transmit: () => Promise.reject(new Error("gone")),
  };
  const offer = await listenAsCard(broken, 0, quiet);
  const reader = new Reader(connect(offer.port ?? 0, "127.0.0.1"));
  try {
    assert.is(await reader.exchange("04"), "3b00");
    assert.is(await reader.exchange("00a40400"), "closed");
  } finally {
    await offer.close();
  }
});

test("a port that is taken, and a vpcd that is not there, are told in one sentence", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await listenAsCard(cardBehind(transport), port, quiet);
    assert.unreachable("two listen on one port");
  } catch (error) {
    assert.match((error as Error).message, /^Port \d+ is taken; end the other program or name another port\.$/);
  }
  await new Promise((resolve) => server.close(resolve));
  const why = await new Promise<string>((resolve) => {
    const offer = offerCard(cardBehind(transport), "127.0.0.1", port, (connected, reason) => {
      if (!connected) void offer.close().then(() => resolve(reason ?? ""));
    });
  });
  assert.match(why, /ECONNREFUSED/);
});

test("messages come out whole however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 700 })), (all, cuts) => {
      const stream = Buffer.concat(all.map(frameMessage));
      const messages = new Messages();
      const found: string[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + (cuts[i] ?? stream.length);
        for (const message of messages.take(stream.subarray(at, end))) found.push(message.toString("hex"));
        at = end;
      }
      assert.equal(
        found,
        all.map((bytes) => Buffer.from(bytes).toString("hex")),
      );
    }),
  );
});

test.run();
