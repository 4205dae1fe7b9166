/** A rental and a return in which the plug is pulled at one exchange after the other: before the device has the command, or once it has carried it out. */
import * as assert from "uvu/assert";
import { LINK_UNPLUGGED, LinkError, type Transport } from "../../src/host/transport.js";
import { giveBack, rent } from "../../src/kiosk/rental.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { suite } from "../suite.js";
import { HOUR, Stage } from "./support/stage.js";

const test = suite("unplugged at every exchange");
const SENTENCE = /^The device was unplugged; plug it in again\.$/;

/** Pulls the plug in the first exchange, in the second of the next try, and so on: every exchange of what is done is cut once. */
class Plug {
  /** Exchanges that were cut. */
  cuts = 0;
  private left = -1;

  constructor(private readonly carriedOut: boolean) {}

  on(transport: Transport): void {
    const { transmit, bulkSend } = transport;
    transport.transmit = (apdu) => this.pass(() => transmit.call(transport, apdu));
    transport.bulkSend = (count, frame) => this.pass(() => bulkSend.call(transport, count, frame));
  }

  /** Does `work` until it ends without a cut; every error on the way is the one sentence that a user reads. */
  async retrying<T>(transport: Transport, work: () => Promise<T>): Promise<T> {
    this.left = this.cuts = 0;
    const result = await transport.retrying(
      () => {
        this.left = this.cuts;
        return work();
      },
      (error) => {
        assert.match(error.message, SENTENCE);
        this.cuts++;
      },
    );
    this.left = -1;
    return result;
  }

  private async pass<T>(exchange: () => Promise<T>): Promise<T> {
    const cut = this.left-- === 0;
    if (cut && !this.carriedOut) throw new LinkError(LINK_UNPLUGGED);
    const answer = await exchange();
    if (cut) throw new LinkError(LINK_UNPLUGGED);
    return answer;
  }
}

for (const carriedOut of [false, true])
  for (const readProgram of [false, true])
    test(`[F4] a loan is made and given back with the plug pulled at every exchange ${carriedOut ? "after" : "before"} the device has carried it out${readProgram ? ", with a read program" : ""}`, async () => {
      await Stage.play({ seed: 71, days: 1 }, async (stage) => {
        const plug = new Plug(carriedOut);
        for (const name of ["card", "cartridge"]) plug.on(stage.transport(name));
        const title = stage.sample(2000);
        await stage.toKiosk();
        const rental = stage.rental(title, { duration: 6 * 3600, readProgram });
        const loanId = await plug.retrying(stage.transport("cartridge"), () => rent(rental));
        assert.ok(plug.cuts >= 18, `only ${String(plug.cuts)} exchanges of the rental were cut`);
        stage.takeOut();
        assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
        assert.equal(stage.heard(), title.plain);
        await stage.world.sleep(HOUR);
        await stage.toKiosk();
        await plug.retrying(stage.transport("cartridge"), () =>
          giveBack(stage.center, loanId, stage.device("cartridge"), stage.device("card")),
        );
        assert.ok(plug.cuts >= 6, `only ${String(plug.cuts)} exchanges of the return were cut`);
        assert.ok(stage.center.receiptOf(loanId), "the center has no receipt");
        stage.takeOut();
        // The cartridge is free for the next.
        assert.is((await stage.rent(stage.sample(500))).length, 16);
        stage.takeOut();
      });
    });

test.run();
