/** `kill -9` of a kiosk, a process of its own, before and after everything that it asks of a device or of the center: the devices and the center go on. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { LoanBody } from "../../src/center/api/schema.js";
import { DeviceRefused } from "../../src/kiosk/devices.js";
import { SimulatedTerminal } from "../../src/kiosk/payment.js";
import { suite } from "../suite.js";
import { program } from "../support/program.js";
import type { Call, Order, Reply } from "./support/child-kiosk.js";
import { DAY, contents, endAfter, folder, fresh, operator, visit, world, type Visit } from "./support/kiosks.js";
import { rent } from "./support/steps.js";

const test = suite("kill of a kiosk");
test.after(async () => {
  await Promise.all(Kiosk.all.map((kiosk) => kiosk.end()));
});
endAfter(test);
const script = await program(fileURLToPath(new URL("support/child-kiosk.ts", import.meta.url)));

/** What stands in the slots and on the counter: it outlives the kiosk. */
interface Counter {
  visit: Visit;
  terminal: SimulatedTerminal;
}

/** `distinct`: the moments at which it makes a difference to be killed; a kiosk that was not to die tells them. */
interface Done {
  done: unknown;
  moments: number;
  distinct: number[];
}
type Told = { ready: true } | Done | { failed: string } | Call;

/** One life of a kiosk. */
class Kiosk {
  static readonly all: Kiosk[] = [];
  readonly process: ChildProcess;
  private hear: (told: Told | null) => void = () => undefined;

  private constructor(
    data: string,
    private readonly counter: Counter,
  ) {
    this.process = fork(script, [data, world.center.url, "library kiosk"], { serialization: "advanced", execArgv: [] });
    Kiosk.all.push(this);
    this.process.on("message", (told: Told) => {
      if ("call" in told) void this.answer(told);
      else this.hear(told);
    });
    this.process.once("exit", () => {
      this.hear(null);
    });
  }

  static async start(data: string, counter: Counter): Promise<Kiosk> {
    const kiosk = new Kiosk(data, counter);
    await kiosk.next();
    return kiosk;
  }

  /** Orders something; null when the kiosk was killed at it. */
  async order(order: Order): Promise<Done | null> {
    const told = this.next();
    this.process.send(order);
    const answer = await told;
    if (answer !== null && "failed" in answer) throw new Error(answer.failed);
    return answer as Done | null;
  }

  async end(): Promise<void> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  private next(): Promise<Told | null> {
    return new Promise((resolve) => {
      this.hear = resolve;
    });
  }

  private async answer({ call, device, method, args }: Call): Promise<void> {
    let reply: Reply;
    try {
      reply = { reply: call, value: await this.ask(device, method, args) };
    } catch (error) {
      if (!(error instanceof DeviceRefused)) throw error;
      reply = { reply: call, what: error.what, status: error.status };
    }
    if (this.process.connected) this.process.send(reply);
  }

  private async ask(device: Call["device"], method: string, args: unknown[]): Promise<unknown> {
    const { visit: here, terminal } = this.counter;
    if (device === "slots") return method === "card" ? here.card.id : { id: here.cartridge.id, capacity: here.cartridge.capacity };
    if (device === "payment" && method === "begin")
      return new Promise((resolve) => {
        terminal.begin(String(args[0]), Number(args[1]), String(args[2]), resolve);
      });
    if (method === "record") args[3] = chunksOf(args[3] as Uint8Array[]);
    const party = { cartridge: here.cartridge, card: here.card, payment: terminal }[device] as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >;
    return party[method](...args);
  }
}

async function* chunksOf(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const { db } = world.center;
const loansOf = (customerId: string) => db.selectFrom("loans").selectAll().where("customer_id", "=", customerId).execute();
const count = async (table: "charges" | "reversals" | "payments" | "ratings" | "point_entries", loanId: string): Promise<number> =>
  Number(
    (
      await db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as("n"))
        .where("loan_id", "=", loanId)
        .executeTakeFirstOrThrow()
    ).n,
  );

/** No cartridge holds a key, and no card a license, of a loan that the center does not know of and that still may become active or is. */
async function noStrayKey({ cartridge, card, customerId }: Visit, where: string): Promise<void> {
  const loans = await loansOf(customerId);
  const state = loans.find(({ id }) => id === cartridge.loanId)?.state ?? "unknown to the center";
  if (cartridge.key !== null && cartridge.playable()) assert.is(state, "ACTIVE", where);
  if (cartridge.key !== null)
    assert.ok(["PENDING", "ACTIVE"].includes(state), `${where}: the cartridge holds a key of a loan that is ${state}`);
  for (const { loanId } of card.licenses)
    assert.ok(
      loans.some(({ id }) => id === loanId),
      where,
    );
}

test("[C1] at every moment of a rental: on restart the loan exists once or not at all, charged once or not at all", async () => {
  const data = join(folder, "rent", fresh("killed"));
  const counter: Counter = { visit: await visit(), terminal: new SimulatedTerminal() };
  let outcomes = "";
  let kiosk = await Kiosk.start(data, counter);
  const whole = await kiosk.order({ order: "rent", contentId: contents[2], now: world.clock.now(), stop: 0 });
  assert.ok(whole !== null && whole.moments > 30 && whole.distinct.length > 15);
  for (const stop of whole.distinct) {
    const where = `killed at moment ${String(stop)} of ${String(whole.moments)}`;
    // Each time catalog and content are fetched anew, so that all have the same moments.
    rmSync(join(data, "contents"), { recursive: true });
    mkdirSync(join(data, "contents"));
    counter.visit = await visit();
    const { cartridge, customerId } = counter.visit;
    assert.is(await kiosk.order({ order: "rent", contentId: contents[2], now: world.clock.now(), stop }), null, where);
    await kiosk.end();
    rmSync(join(data, "catalog"), { recursive: true });
    await noStrayKey(counter.visit, where);
    // At once, and when the cartridge has forgotten a key that nobody activated.
    world.clock.advance(stop % 2 === 0 ? 5 : 130);
    // The kiosk that comes back is the one that is killed next.
    kiosk = await Kiosk.start(data, counter);
    await kiosk.order({ order: "recover", now: world.clock.now(), stop: 0 });
    await kiosk.order({ order: "recover", now: world.clock.now(), stop: 0 });
    await noStrayKey(counter.visit, where);
    const loans = await loansOf(customerId);
    assert.ok(loans.length <= 1, where);
    const [loan] = loans;
    const active = loan?.state === "ACTIVE";
    assert.is(
      cartridge.playable(),
      active,
      `${where}: the cartridge plays exactly what the center knows of, not ${loan?.state ?? "nothing"}`,
    );
    if (!active) assert.ok(loan === undefined || loan.state === "NEVER_ACTIVATED", `${where}: ${loan?.state ?? ""}`);
    if (loan) assert.is((await count("charges", loan.id)) - (await count("reversals", loan.id)), active ? 1 : 0, where);
    assert.equal(
      counter.visit.card.licenses.map(({ loanId }) => loanId),
      active ? [loan.id] : [],
      `${where}: one license where there is a loan, none where there is none`,
    );
    outcomes += loan === undefined ? "-" : active ? "A" : "n";
  }
  assert.match(outcomes, /^-+n+.*A+$/, "first nothing, then given up, at last active");
});

test("[C1][C3][C7][C8] at every moment of a return: one return, one charge, one payment at most, each point once", async () => {
  const data = join(folder, fresh("counter"));
  const counter: Counter = { visit: await visit(), terminal: new SimulatedTerminal() };
  let kiosk = await Kiosk.start(data, counter);
  const lend = async (): Promise<LoanBody> => {
    counter.visit = await visit();
    counter.terminal = new SimulatedTerminal();
    const loan = await rent(operator.kiosk, counter.visit.cartridge, contents[2], counter.visit.card);
    world.clock.advance(DAY);
    return loan;
  };
  const { id } = await lend();
  const whole = await kiosk.order({ order: "return", wish: contents[0], now: world.clock.now(), stop: 0 });
  assert.ok(whole !== null && whole.moments > 30 && whole.distinct.length > 15);
  assert.equal([whole.done, await count("point_entries", id)], ["CLOSED", 2]);
  for (const stop of whole.distinct) {
    const where = `killed at moment ${String(stop)} of ${String(whole.moments)}`;
    const loan = await lend();
    const { cartridge, customerId } = counter.visit;
    assert.is(await kiosk.order({ order: "return", wish: contents[0], now: world.clock.now(), stop }), null, where);
    await kiosk.end();
    await noStrayKey(counter.visit, where);
    // The kiosk that comes back is the one that is killed next.
    kiosk = await Kiosk.start(data, counter);
    await kiosk.order({ order: "flush", now: world.clock.now(), stop: 0 });
    if (cartridge.state === "ARMED" || cartridge.state === "ERASED")
      await kiosk.order({ order: "return", wish: contents[0], now: world.clock.now(), stop: 0 });
    // Whoever has not come back to pay after a while has gone.
    world.clock.advance(600);
    const left = await kiosk.order({ order: "flush", now: world.clock.now(), stop: 0 });
    assert.is(left?.done, 0, `${where}: nothing waits any more`);
    const [after] = await loansOf(customerId);
    assert.is(after.id, loan.id);
    assert.ok(["CLOSED", "UNPAID"].includes(after.state), `${where}: ${after.state}`);
    assert.is(await count("charges", loan.id), 2, `${where}: base and time, once each`);
    const payments = await count("payments", loan.id);
    assert.is(payments, counter.terminal.taken.size, `${where}: what was taken is booked`);
    assert.is(payments, after.state === "CLOSED" ? 1 : 0, where);
    assert.is(await count("point_entries", loan.id), (await count("ratings", loan.id)) + (await reservations(customerId)), where);
    assert.is(cartridge.key, null, where);
    assert.not.ok(cartridge.playable(), where);
  }
});

async function reservations(customerId: string): Promise<number> {
  return (await db.selectFrom("reservations").select("id").where("customer_id", "=", customerId).execute()).length;
}

test.run();
