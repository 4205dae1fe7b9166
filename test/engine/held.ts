/** How many of Espruino's variables each device holds, looked at after every event that its firmware handles, while it does what takes most. */
import * as assert from "uvu/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RemoteContext, espruino } from "../../sim/engine/remote.js";
import { ClientWorld } from "../../sim/client-world.js";
import { ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { CLIENT_FINISHED, type Envelope } from "../../src/host/client-device.js";
import { Household, makeOrder, makeTitle } from "../client/support.js";
import { Stage } from "../scenario/support/stage.js";
import type { Role } from "./support.js";

export interface Held {
  /** Once it has started, blank. */
  boot: number;
  /** Between two commands, personalized. */
  resting: number;
  /** At most, between two events. */
  deepest: number;
  /** At most, at the points inside events where the bundle uses hardware, an inner product, a hash or a cipher. */
  inside: number;
}

/** Enrollment, an authentication by certificates as responder and, by reader and client, as initiator, and a loan's commands; of a client in place of those its registration and enabling, an order and a license of a stored content, and a play of each. */
export async function heldBy(role: Role, program: string): Promise<Held> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-engine-"));
  const contexts: RemoteContext[] = [];
  const held: Held = { boot: 0, resting: 0, deepest: 0, inside: 0 };
  const start = (): RemoteContext => {
    for (const old of contexts.splice(0)) old.end();
    const context = new RemoteContext(espruino(program, true), folder);
    context.onIdle = () => {
      held.inside = Math.max(held.inside, context.peak() - bench);
      held.deepest = Math.max(held.deepest, context.variables() - bench);
      if (held.boot === 0) held.boot = held.deepest;
    };
    contexts.push(context);
    return context;
  };
  const rest = (): void => {
    held.resting = (contexts[0]?.variables() ?? 0) - bench;
  };
  const bench = emptyBench(program, folder);
  try {
    if (role === "client") await client(start, rest);
    else await loan(role, start, rest);
    return held;
  } finally {
    for (const context of contexts) context.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the engine and the bench hold with a bundle of nothing. */
function emptyBench(program: string, folder: string): number {
  const context = new RemoteContext(espruino(program, true), folder);
  context.run("0;");
  const found = context.variables();
  context.end();
  return found;
}

async function loan(role: Exclude<Role, "client">, start: () => RemoteContext, rest: () => void): Promise<void> {
  await Stage.play({ seed: 61, days: 1, engines: { [role]: start } }, async (stage) => {
    const title = stage.sample(2000);
    const rented = await stage.rent(title);
    stage.home();
    assert.is((await stage.settled()).state, PLAYER_FINISHED);
    await stage.world.sleep(60_000);
    rest();
    stage.takeOut();
    await stage.giveBack(rented);
  });
}

async function client(start: () => RemoteContext, rest: () => void): Promise<void> {
  const world = new ClientWorld({ seed: 21 });
  await world.world.run(async () => {
    const household = new Household(world);
    const board = world.addClient("first", { engine: start });
    await world.enrollClient(board);
    await household.register(board, 1000);
    await household.enable(board);
    await world.session("first", world.kiosk).authenticate(ROLE_CLIENT);
    const title = makeTitle(2000);
    const order = makeOrder(world, board, title, world.time() - 10, world.time() + 9000);
    await board.device.loadPeriodKey(order.sealed);
    await board.device.store(title.source);
    await world.tellTime(board);
    const play = async (envelope: Envelope | null): Promise<void> => {
      const { state } = await board.device.play(title.contentId, envelope, () => Promise.resolve(title.source));
      assert.is(state, CLIENT_FINISHED);
    };
    await play(order.envelope);
    await household.license(board, makeTitle(100), { plays: 1 });
    await household.license(board, title, { plays: 1 });
    await board.device.endPeriod(order.period.orderId);
    await play(null);
    await world.world.sleep(60_000);
    rest();
  });
}
