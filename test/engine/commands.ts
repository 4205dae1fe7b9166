/** A card in a real Espruino that answers command after command, and how many of the engine's variables it holds before and after. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RemoteContext, espruino } from "../../sim/engine/remote.js";
import { SW_OK } from "../../src/core/link/apdu.js";
import { ROLE_CARD } from "../../src/core/protocol/constants.js";
import { Stage } from "../scenario/support/stage.js";

/** Commands of which the first go in a session, which begins by the pair's secret, and the others in clear, which ends it; every second round begins by a reset. */
const ROUND = 500;
const SESSION = 100;
const none = new Uint8Array(0);
/** Two that are answered; data that no card has; an instruction that none knows. */
const COMMANDS: readonly [number, number, number, Uint8Array][] = [
  [0x00, 0xca, 0x0101, none],
  [0x00, 0xa4, 0x0400, none],
  [0x00, 0xca, 0x7777, none],
  [0x80, 0x01, 0x0000, new Uint8Array(20)],
];

export interface Held {
  /** Variables held while nothing is under way, the bench's among them. */
  before: number;
  after: number;
}

/**
 * Sends `count` commands to a card that is personalized: answered, refused and unknown ones, in clear and in sessions. Throws where an answer is not the one
 * expected.
 */
export async function answerCommands(
  program: string,
  count: number,
  told: (done: number, held: number) => void = () => undefined,
): Promise<Held> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-engine-"));
  const held: Held = { before: 0, after: 0 };
  let context = new RemoteContext(espruino(program), folder);
  const start = (): RemoteContext => {
    context.end();
    return (context = new RemoteContext(espruino(program), folder));
  };
  await Stage.play({ seed: 61, engines: { card: start } }, async (stage) => {
    await stage.toKiosk();
    const session = stage.session("card", stage.kiosk);
    const clear = stage.session("card", null);
    for (let done = -ROUND; done < count; done++) {
      const at = (done + ROUND) % ROUND;
      const kind = at & 3;
      if (done === 0) held.before = context.variables();
      if (done % 1000 === 0) told(done, context.variables());
      if (at === 0) {
        if (done % (2 * ROUND) === 0) await stage.transport("card").reset();
        await session.authenticate(ROLE_CARD);
      }
      const { sw } = await (at < SESSION ? session : clear).transfer(...COMMANDS[kind]);
      if (kind < 2 ? sw !== SW_OK : sw === SW_OK) throw new Error(`command ${String(done)} was answered 0x${sw.toString(16)}`);
    }
    held.after = context.variables();
    stage.takeOut();
  });
  context.end();
  rmSync(folder, { recursive: true, force: true });
  return held;
}
