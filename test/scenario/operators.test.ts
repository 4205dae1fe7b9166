/** One center and the kiosks of two operators, processes of their own; what goes between kiosks and center passes a wire that can break off and alter. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { listLoans, setOffer } from "../../src/center/api/admin-routes.js";
import { getContent } from "../../src/center/api/catalog-routes.js";
import { readIdentity } from "../../src/center/keys/identity.js";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../../src/core/protocol/constants.js";
import { hex } from "../../src/host/party.js";
import { suite } from "../suite.js";
import { Service, press, type Board, type Part } from "./support/service.js";

const test = suite("contents for many operators");
const service = new Service();
await service.center();

/** What a kiosk asked for of a sealed content: who, and from which byte on. */
let fetched: { kioskId: string; from: number }[] = [];
/** What becomes of the next transfers; later ones arrive as they are. */
let mishaps: ("altered" | "broken")[] = [];
const wire = createServer((request, response) => {
  void (async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers as Record<string, string>;
    const method = request.method ?? "GET";
    const answer = await fetch(service.url + (request.url ?? ""), {
      method,
      headers,
      ...(method === "GET" ? {} : { body: Buffer.concat(chunks) }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), "content-length": bytes.length });
    if (!(request.url ?? "").includes("/sealed/")) return response.end(bytes);
    const kioskId = /kiosk=([0-9a-f]{16})/.exec(headers.authorization)?.[1] ?? "";
    fetched.push({ kioskId, from: Number(/^bytes=(\d+)-$/.exec(headers.range ?? "bytes=0-")?.[1]) });
    const mishap = mishaps.shift();
    if (mishap === "broken") return response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
    if (mishap === "altered") bytes[bytes.length >> 1] ^= 1;
    return response.end(bytes);
  })().catch(() => response.destroy());
});
await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
test.after(async () => {
  wire.close();
  wire.closeAllConnections();
  await service.end();
});
const { port } = wire.address() as { port: number };

const library = await service.operator("library");
const museum = await service.operator("museum");
const plain = randomBytes(6000);
const shared = await service.lend("a tune for all", plain, library);
const offer = { custody: 1, durationSeconds: 86_400, plays: 0, windowSeconds: 0, totalSeconds: 0, readers: 0, tariffId: null };
await service.staff.call(setOffer, { params: { operatorId: museum }, body: { contentId: shared.id, ...offer } });
const own = await service.lend("the library's own", randomBytes(500), library);
const [card, cartridge] = await Promise.all([service.board("card", "card"), service.board("cartridge", "cartridge", "--days", "1")]);

async function carry(place: string): Promise<void> {
  for (const board of [card, cartridge]) {
    board.tell(place);
    await board.says(/is at/);
  }
}
await carry("rent");
await service.enroll(card, ROLE_CARD, "Ada");
await service.enroll(cartridge, ROLE_CARTRIDGE);

/** A kiosk with its slots at one of the boards' places, which reaches the center over the wire that breaks. */
async function kiosk(kind: "rent" | "return", identity: string, at: string): Promise<Part & { screen: string }> {
  const slot = (board: Board): string => board.addresses[at];
  const part = service.start(
    `${kind} kiosk`,
    "kiosk",
    kind,
    "--identity",
    identity,
    "--data",
    `${identity}-data`,
    "--center",
    `http://127.0.0.1:${String(port)}`,
    "--card",
    slot(card),
    "--cartridge",
    slot(cartridge),
  );
  const [, screen] = await part.says(/screen is at (http:\S+?)(?:\.$|;)/);
  return Object.assign(part, { screen });
}

const identities = await Promise.all([
  service.kioskIdentity("library desk", library),
  service.kioskIdentity("museum desk", museum),
  service.kioskIdentity("museum box", museum),
]);
const [libraryId, museumId] = identities.map((file) => hex(readIdentity(file).id));
let desk = await kiosk("rent", identities[0], "rent");
const [other, box] = await Promise.all([kiosk("rent", identities[1], "home"), kiosk("return", identities[2], "return")]);

const rent = async ({ screen }: { screen: string }, contentId: string): Promise<string> => press(screen, "/rent", { content: contentId });
const loans = async (): Promise<{ state: string; operatorId: string }[]> => service.staff.call(listLoans, { query: {} });
const sealed = (await service.staff.call(getContent, { params: { contentId: shared.id } })).sealed[0];
/** What a kiosk keeps of sealed contents, finished or not. */
const keptAt = (identity: string): string[] => readdirSync(join(`${identity}-data`, "contents"));

async function refused(pressed: Promise<string>, sentence: RegExp): Promise<void> {
  await pressed.then(
    () => assert.unreachable("the screen took it"),
    (error: unknown) => assert.match((error as Error).message, sentence),
  );
}

async function giveBack(): Promise<void> {
  await carry("return");
  const page = await press(box.screen, "/return", {});
  assert.match(page, /is back\. Nothing is due/);
  await press(box.screen, "/pay", { id: /name="id" value="([^"]+)"/.exec(page)?.[1] ?? "" });
}

test("[A10] each operator's kiosk shows and lends what its operator offers, and nothing else", async () => {
  const [here, there] = await Promise.all([press(desk.screen, "/"), press(other.screen, "/")]);
  for (const screen of [here, there]) assert.match(screen, shared.id);
  assert.match(here, own.id);
  assert.not.match(there, own.id);
  await carry("home");
  await refused(rent(other, own.id), /lend/);
  assert.equal([await loans(), fetched], [[], []]);
});

test("[A10][C6] a sealed content comes to a kiosk once: what arrives altered is refused, what breaks off goes on where it stopped, and the kiosk keeps it", async () => {
  await carry("rent");
  mishaps = ["altered"];
  await refused(rent(desk, shared.id), /arrived with hash/);
  assert.equal(keptAt(identities[0]), [], "nothing of what was altered is kept");
  assert.not.ok(
    (await loans()).some(({ state }) => state === "ACTIVE"),
    "nothing is lent",
  );
  fetched = [];
  mishaps = ["broken", "broken"];
  assert.match(await rent(desk, shared.id), /is on your cartridge/);
  const half = sealed.length >> 1;
  assert.equal(
    fetched,
    [0, half, half + ((sealed.length - half) >> 1)].map((from) => ({ kioskId: libraryId, from })),
  );
  assert.equal(keptAt(identities[0]), [sealed.sha256]);
  const kept = readFileSync(join(`${identities[0]}-data`, "contents", sealed.sha256));
  assert.is(createHash("sha256").update(kept).digest("hex"), sealed.sha256);
  assert.not.ok(kept.includes(plain.subarray(0, 32)), "and it is ciphertext");
  await giveBack();
  // In its next life the kiosk still has it.
  await desk.kill();
  desk = await kiosk("rent", identities[0], "rent");
  fetched = [];
  await carry("rent");
  assert.match(await rent(desk, shared.id), /is on your cartridge/);
  assert.equal(fetched, []);
  await giveBack();
});

test("[A10] another operator's kiosk gets the same content from the same center, once for itself", async () => {
  await carry("home");
  assert.match(await rent(other, shared.id), /is on your cartridge/);
  assert.equal(fetched, [{ kioskId: museumId, from: 0 }]);
  assert.equal(keptAt(identities[1]), [sealed.sha256]);
  await giveBack();
  const made = (await loans()).filter(({ state }) => state === "CLOSED");
  assert.equal(made.map(({ operatorId }) => operatorId).sort(), [library, library, museum].sort());
});

test.run();
