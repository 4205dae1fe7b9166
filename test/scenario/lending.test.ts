/** Renting at one kiosk and giving back at another: center, kiosks and devices are processes of their own, and a person presses buttons on the kiosks' screens. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import {
  createTariff,
  getCustomer,
  getDevice,
  listAccounts,
  listLoans,
  listOperators,
  setOffer,
} from "../../src/center/api/admin-routes.js";
import type { LoanBody } from "../../src/center/api/schema.js";
import { readIdentity } from "../../src/center/keys/identity.js";
import { CUSTODY_CARD, CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { hex } from "../../src/host/party.js";
import { READER_FINISHED, READER_IDLE, READER_PLAYING, READER_REFUSED, readerStatus } from "../../src/host/reader.js";
import { DeviceSession } from "../../src/host/session.js";
import { suite } from "../suite.js";
import { Service, carry, household, press, until, type Title } from "./support/service.js";

const test = suite("lending");
const service = new Service();
test.after(() => service.end());

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const heard = (): string[] => service.played("Ada reader").map(sha256);

let center = await service.center();
const enrolled = household(service, "Ada");
// One of each by the command, as people do it.
await service.run("operator", "library", ...service.flags);
const first = await service.produce("first tune", randomBytes(3000), "library", "--base", "100", "--per-day", "50");
const [{ id: library }] = await service.staff.call(listOperators, {});
const museum = await service.operator("museum");
const price: [number, number] = [100, 50];
const titles = {
  cartridge: first,
  card: await service.lend("second tune", randomBytes(2500), library, { custody: CUSTODY_CARD, price }),
  split: await service.lend("third tune", randomBytes(2000), library, { custody: CUSTODY_SPLIT, price }),
};
const free = await service.lend("free tune", randomBytes(1500), museum);
await service.lend("free song", randomBytes(1500), museum);
const home = await enrolled;
const deskFile = await service.kioskIdentity("desk", library);
const boxFile = await service.kioskIdentity("box", library);
const [desk, box] = await Promise.all([
  service.kiosk("rent", deskFile, home.card, home.cartridge),
  service.kiosk("return", boxFile, home.card, home.cartridge),
]);
await service.kioskIdentity("desk", library, desk.peer);
const { customerId } = await service.staff.call(getDevice, { params: { deviceId: home.cardId } });

async function rent(title: Title): Promise<void> {
  await carry(home, "rent");
  assert.match(await press(desk.screen, "/rent", { content: title.id }), /is on your cartridge/);
}

/** Puts what is at home into the reader and waits; answers what it played. */
async function listen(title: Title): Promise<void> {
  const before = heard().length;
  await carry(home, "home");
  await until(() => heard().length > before, "playing");
  assert.is(heard().at(-1), sha256(title.plain));
}

/** The reader, which has played before, takes what is at home and refuses it; nothing is played. */
async function silence(why: string): Promise<void> {
  const before = heard().length;
  await service.atCounter(home.reader.addresses, async (transport) => {
    const session = new DeviceSession(transport);
    assert.is((await readerStatus(session)).state, READER_FINISHED);
    await carry(home, "home");
    await until(async () => (await readerStatus(session)).state !== READER_FINISHED, "another try");
    await until(async () => ![READER_IDLE, READER_PLAYING].includes((await readerStatus(session)).state), "an outcome");
    const status = await readerStatus(session);
    assert.equal([status.state, status.card, status.cartridge], [READER_REFUSED, true, true], why);
  });
  assert.is(heard().length, before, why);
}

async function giveBack(): Promise<{ id: string; page: string }> {
  await carry(home, "return");
  const page = await press(box.screen, "/return", {});
  return { page, id: /name="id" value="([^"]+)"/.exec(page)?.[1] ?? "" };
}

async function latest(): Promise<LoanBody> {
  const loans = await service.staff.call(listLoans, { query: { customerId: customerId ?? "" } });
  return loans.sort((a, b) => b.preparedAt - a.preparedAt)[0];
}

async function refused(pressed: Promise<string>, sentence: RegExp): Promise<void> {
  await pressed.then(
    () => assert.unreachable("the screen took it"),
    (error: unknown) => assert.match((error as Error).message, sentence),
  );
}

const account = async (): Promise<{ points: number; debts: unknown[] }> =>
  service.staff.call(getCustomer, { params: { customerId: customerId ?? "" } });

test("[A10][C6][C2][C4][C5][C7][C8] rented, played, returned elsewhere, rated, reserved, paid, and recommended at the next rental", async () => {
  const screen = await press(desk.screen, "/");
  for (const name of ["first tune", "second tune", "third tune"]) assert.match(screen, new RegExp(name));
  assert.not.match(screen, /free tune/, "another operator's");
  assert.not.match(screen, /Recommended for you/, "nothing is known of this customer");
  await rent(titles.cartridge);
  await listen(titles.cartridge);
  const { id, page } = await giveBack();
  assert.match(page, /“first tune” is back\. 1\.50 EUR is due/);
  await press(box.screen, "/rate", { id, stars: "5" });
  await refused(press(box.screen, "/rate", { id, stars: "4" }), /You have rated this already/);
  await press(box.screen, "/reserve", { id, content: titles.split.id });
  await press(box.screen, "/reserve", { id, content: titles.split.id });
  assert.match(await press(box.screen, "/pay", { id }), /The return is complete/);
  assert.is((await latest()).state, "CLOSED");
  const { points, debts } = await account();
  assert.equal([points, debts], [2, []], "one point for the rating and one for the reservation, each once");
  await silence("after the return neither cartridge nor card opens anything");
  await carry(home, "rent");
  const next = await press(desk.screen, "/");
  const [, recommended] = /Recommended for you(.*?)All titles/s.exec(next) ?? [];
  assert.ok(recommended, "the screen is built from what the return kiosk stored on the cartridge");
  assert.not.match(recommended, /first tune/, "what was had before is not recommended");
});

for (const custody of ["card", "split"] as const)
  test(`[C2][C3] custody ${custody}: returned with ${custody === "card" ? "the card alone" : "the cartridge alone"}`, async () => {
    await rent(titles[custody]);
    await listen(titles[custody]);
    await carry(home, "return");
    const left = custody === "card" ? home.cartridge : home.card;
    left.tell("out");
    await left.says(/is nowhere/);
    const page = await press(box.screen, "/return", {});
    assert.match(page, /is back\. 1\.50 EUR is due/);
    const id = /name="id" value="([^"]+)"/.exec(page)?.[1] ?? "";
    assert.is((await latest()).state, "RETURNED", "not complete before it is paid");
    await press(box.screen, "/pay", { id });
    assert.is((await latest()).state, "CLOSED");
    await silence("without what was destroyed the other half opens nothing");
    if (custody === "card") await giveBack();
  });

test("[C3] the charge follows the time from storing to disabling", async () => {
  const params = { operatorId: library };
  const tariff = { name: "by the second", base: 10, periodPrice: 7, periodSeconds: 1, cap: null, graceSeconds: 0, lostPrice: 0 };
  const { id: tariffId } = await service.staff.call(createTariff, { params, body: tariff });
  const offer = { custody: 1, durationSeconds: 86_400, plays: 0, windowSeconds: 0, totalSeconds: 0, readers: 0 };
  await service.staff.call(setOffer, { params, body: { contentId: titles.cartridge.id, tariffId, ...offer } });
  await rent(titles.cartridge);
  const stored = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await carry(home, "return");
  const { id } = await giveBack();
  const seconds = (performance.now() - stored) / 1000;
  const { activatedAt, endedAt, charged } = await latest();
  const lasted = (endedAt ?? 0) - (activatedAt ?? 0);
  assert.ok(lasted >= 3 && lasted <= Math.ceil(seconds) + 1, `${String(lasted)} s for ${String(seconds)}`);
  assert.is(charged, 10 + 7 * lasted, "base, and a period for every second begun");
  await press(box.screen, "/pay", { id });
  const books = await service.staff.call(listAccounts, { params });
  assert.is(
    books.reduce((sum, { balance }) => sum + balance, 0),
    0,
    "double entry",
  );
  assert.is(books.find(({ kind }) => kind === "receivable")?.balance ?? 0, 0, "nothing is owed");
});

test("[C9] with the center away the return kiosk gets the record from the kiosk that made the loan, and settles later", async () => {
  await rent(titles.split);
  await listen(titles.split);
  const loan = await latest();
  const learned = (identity: string, place: string, of: string): boolean =>
    readFileSync(join(`${identity}-${place}`, "kiosks", "kiosks.json"), "utf8").includes(of);
  await until(
    () => learned(deskFile, "rent", hex(readIdentity(boxFile).id)) && learned(boxFile, "return", desk.peer),
    "learning of each other",
  );
  await center.kill();
  const { id, page } = await giveBack();
  assert.match(page, /“third tune” is back\. The center does not answer; about 1\.50 EUR will be due/);
  await press(box.screen, "/rate", { id, stars: "3" });
  assert.match(await press(box.screen, "/pay", { id }), /Returned, unpaid/);
  await silence("the key is gone though the center knows nothing of it");
  center = await service.center();
  await until(async () => (await latest()).state === "UNPAID", "settling");
  const after = await latest();
  assert.equal([after.id, after.charged, after.paid], [loan.id, 150, 0], "a debt, never a key");
  assert.is((await account()).points, 3, "the rating counts once");
});

test("[C10] returning with recommendations works with charging switched off, at another operator's kiosk", async () => {
  await Promise.all([desk.kill(), box.kill()]);
  const identities = await Promise.all([service.kioskIdentity("museum desk", museum), service.kioskIdentity("museum box", museum)]);
  const [rental, returns] = await Promise.all([
    service.kiosk("rent", identities[0], home.card, home.cartridge),
    service.kiosk("return", identities[1], home.card, home.cartridge),
  ]);
  await carry(home, "rent");
  assert.match(await press(rental.screen, "/rent", { content: free.id }), /is on your cartridge/);
  await listen(free);
  await carry(home, "return");
  const page = await press(returns.screen, "/return", {});
  assert.match(page, /Nothing is due/);
  const id = /name="id" value="([^"]+)"/.exec(page)?.[1] ?? "";
  await press(returns.screen, "/pay", { id });
  const loan = await latest();
  assert.equal([loan.state, loan.charged], ["CLOSED", 0]);
  await carry(home, "rent");
  const [, recommended] = /Recommended for you(.*?)(All titles|<\/form>)/s.exec(await press(rental.screen, "/")) ?? [];
  assert.match(recommended ?? "", /free song/);
});

test.run();
