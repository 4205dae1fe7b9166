import fc from "../generate.js";
import * as assert from "uvu/assert";
import {
  BULK_ABORTED,
  BULK_BROKEN,
  BULK_FAILED,
  BULK_OK,
  BULK_TIMEOUT,
  bulkAbort,
  bulkReceive,
  bulkSend,
} from "../../src/core/link/bulk.js";
import { createHostLink } from "../../src/core/link/host.js";
import { createLink, linkReset, linkSend, type Link } from "../../src/core/link/t1.js";
import { suite } from "../suite.js";
import { Clock, Wire, generator, type Disturb } from "./wire.js";

interface Plan {
  /** True when the device sends. */
  up: boolean;
  count: number;
  length: (index: number) => number;
  /** Milliseconds that the receiver works on a frame; 0 to release it at once. */
  work: number;
}

/** A device that answers command 1 and then does its half of the plan's transfer, and a host that does the other half. */
function pair(seed: number, plan: Plan, baud = 115_200) {
  const clock = new Clock();
  const draw = generator(seed);
  const wire = new Wire(clock, baud, () => 1 + (draw() % 200));
  const frames = Array.from({ length: plan.count }, (_, index) => Uint8Array.from({ length: plan.length(index) }, () => draw() & 255));
  const got: Uint8Array[] = [];
  const status = { host: -1, device: -1, answers: 0, failure: 0, resets: 0, filled: 0 };
  const half = (link: Link, sends: boolean, done: (result: number) => void): void => {
    if (sends)
      bulkSend(
        link,
        plan.count,
        (index, content) => {
          status.filled++;
          content.set(frames[index]);
          return frames[index].length;
        },
        done,
      );
    else
      bulkReceive(
        link,
        (index, content, release) => {
          assert.is(index, got.length, "each frame once, in order");
          const copy = content.slice();
          got.push(copy);
          if (plan.work)
            clock.after(plan.work, () => {
              assert.equal(content.slice(), copy, "content stays until it is released");
              release();
            });
          else release();
          return true;
        },
        done,
      );
  };
  const device: Link = createLink(2, wire.device, clock, new Uint8Array(640), () => {
    const command = device.buf[0];
    device.buf.set([0x90, 0x00]);
    linkSend(device, 2);
    if (command === 1) half(device, plan.up, (result) => (status.device = result));
  });
  const host: Link = createHostLink(wire.host, clock, new Uint8Array(640), () => {
    status.answers++;
    if (status.answers === 1) half(host, !plan.up, (result) => (status.host = result));
  });
  host.onFailure = (reason) => (status.failure = reason);
  host.onReset = () => status.resets++;
  host.sync = 1;
  const start = (): void => {
    host.buf[0] = 1;
    linkSend(host, 1);
  };
  /** One more command, which both ends must be free for again; after noise it may find them out of step once. */
  const works = (tries = 1): boolean => {
    const before = status.answers;
    for (let i = 0; i < tries && status.answers === before; i++) {
      host.buf[0] = 2;
      assert.ok(linkSend(host, 1), "the host end is in T=1 again");
      status.failure = 0;
      clock.run(30_000, () => status.answers > before || status.failure > 0);
    }
    return status.answers === before + 1;
  };
  return { clock, draw, wire, device, host, got, frames, status, start, works };
}

const both = <T>(test: (up: boolean) => T): void => [true, false].forEach((up) => test(up));
const test = suite("bulk frames");

test("any frames arrive in order and unchanged, either way, whether worked on at once or later", () => {
  both((up) => {
    for (const count of [0, 1, 2, 3, 50])
      for (const work of [0, 1, 40, 3000]) {
        const p = pair(count, { up, count, length: (i) => (i % 4 === 3 ? 0 : 512 - (i % 3) * 200), work });
        p.start();
        assert.ok(
          p.clock.run(400_000, () => p.status.host >= 0 && p.status.device >= 0),
          `up ${String(up)}, ${count} frames, work ${work}`,
        );
        assert.is(p.status.host, BULK_OK);
        assert.is(p.status.device, BULK_OK);
        assert.equal(p.got, p.frames);
        assert.is(p.status.filled, count, "nothing was sent twice");
        assert.ok(p.works());
        p.clock.run(10_000);
        assert.is(p.clock.pending, 0);
      }
  });
});

test("a wire at 115,200 baud carries at least 10.5 kB/s of content, and work on a frame costs nothing while the next comes in", () => {
  both((up) => {
    for (const work of [0, 30]) {
      const p = pair(1, { up, count: 200, length: () => 512, work });
      p.start();
      p.clock.run(60_000, () => p.status.host >= 0);
      const rate = (200 * 512) / (p.clock.time / 1000);
      assert.ok(rate > 10_500, `${rate.toFixed(0)} B/s with ${work} ms of work`);
    }
  });
});

test("noise delays a transfer or ends it clearly, never changes it; afterwards T=1 works", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.integer(),
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom(0.0001, 0.0005, 0.002, 0.02),
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom(0, 20),
      (up, seed, count, rate, kind, work) => {
        const p = pair(seed, { up, count, length: (i) => 512 - i, work });
        const disturb: Disturb = (byte) => {
          if (p.draw() / 4294967296 >= rate) return [byte];
          const what = kind < 3 ? kind : p.draw() % 3;
          return what === 0 ? [byte ^ (1 << (p.draw() & 7))] : what === 1 ? [] : [byte, p.draw() & 255];
        };
        p.wire.disturb = disturb;
        p.start();
        assert.ok(
          p.clock.run(600_000, () => p.status.host >= 0 || p.status.failure > 0),
          "the host's half ends",
        );
        p.wire.disturb = undefined;
        if (p.status.host === BULK_OK) assert.equal(p.got, p.frames);
        else assert.equal(p.got, p.frames.slice(0, p.got.length));
        p.clock.run(2000);
        assert.ok(p.works(2));
        if (p.status.answers > 0 && p.status.host === BULK_OK) assert.is(p.status.device, BULK_OK);
        p.clock.run(60_000);
        assert.is(p.clock.pending, 0);
      },
    ),
    { numRuns: Number(process.env.LEYDEN_RUNS ?? "150"), interruptAfterTimeLimit: 120_000, markInterruptAsFailure: true },
  );
});

test("a peer that vanishes at any byte ends both halves in time, and T=1 works when it is back", () => {
  both((up) => {
    for (let at = 1; at < 3000; at += 37) {
      const p = pair(at, { up, count: 4, length: () => 512, work: 0 });
      let bytes = 0;
      p.wire.disturb = (byte) => {
        if (++bytes === at) p.wire.cut = true;
        return [byte];
      };
      p.start();
      p.clock.run(20_000);
      assert.ok(p.status.host >= 0 || p.status.failure > 0, `host, cut at ${at}`);
      assert.not.equal(p.host.phase + p.host.idle, 1);
      assert.is(p.device.idle, 0, "the device's half has ended too");
      if (p.status.host > BULK_OK) assert.is(p.status.host, BULK_TIMEOUT);
      p.wire.cut = false;
      p.wire.disturb = undefined;
      assert.ok(p.works(2));
    }
  });
});

test("a lost answer to the command is repeated, though the device has begun its half", () => {
  both((up) => {
    const p = pair(3, { up, count: 3, length: () => 100, work: 0 });
    let bytes = 0;
    p.wire.up.disturb = (byte) => (++bytes <= 6 ? [] : [byte]);
    p.start();
    p.clock.run(30_000, () => p.status.host >= 0 && p.status.device >= 0);
    assert.equal([p.status.host, p.status.device], [BULK_OK, BULK_OK]);
    assert.equal(p.got, p.frames);
  });
});

test("either end may give up, and the other hears of it", () => {
  both((up) =>
    both((byHost) => {
      const p = pair(4, { up, count: 100, length: () => 512, work: 0 });
      p.start();
      p.clock.run(1000);
      bulkAbort(byHost ? p.host : p.device);
      p.clock.run(1000);
      assert.equal([p.status.host, p.status.device], byHost ? [BULK_FAILED, BULK_ABORTED] : [BULK_ABORTED, BULK_FAILED]);
      assert.ok(p.works());
    }),
  );
});

test("a fill that fails and a receiver that refuses end the transfer", () => {
  const clock = new Clock();
  const wire = new Wire(clock);
  const ends: number[][] = [[], []];
  const host = createHostLink(wire.host, clock, new Uint8Array(640), () => undefined);
  const device = createLink(2, wire.device, clock, new Uint8Array(640), () => undefined);
  bulkSend(
    device,
    5,
    (index) => (index < 3 ? 10 : -1),
    (status) => ends[0].push(status),
  );
  bulkReceive(
    host,
    (_index, _content, release) => {
      release();
      return true;
    },
    (status) => ends[1].push(status),
  );
  clock.run(5000);
  assert.equal(ends, [[BULK_FAILED], [BULK_ABORTED]]);
  bulkSend(
    device,
    5,
    () => 10,
    (status) => ends[0].push(status),
  );
  bulkReceive(
    host,
    (index, _content, release) => {
      release();
      return index < 2;
    },
    (status) => ends[1].push(status),
  );
  clock.run(5000);
  assert.equal(ends, [
    [BULK_FAILED, BULK_ABORTED],
    [BULK_ABORTED, BULK_FAILED],
  ]);
});

test("the receiver may take its time: an hour with one frame ends nothing", () => {
  both((up) => {
    const p = pair(5, { up, count: 3, length: () => 512, work: 3_600_000 });
    p.start();
    p.clock.run(5 * 3_600_000, () => p.status.host >= 0 && p.status.device >= 0);
    assert.equal([p.status.host, p.status.device], [BULK_OK, BULK_OK]);
  });
});

test("a command, a resynchronization or a reset from the host, and a restart of the device, end a transfer", () => {
  both((up) => {
    for (const how of ["message", "reset", "restart"]) {
      const p = pair(6, { up, count: 100, length: () => 512, work: 0 });
      p.start();
      p.clock.run(1000);
      if (how === "restart") linkReset(p.device);
      else if (how === "reset") linkReset(p.host);
      else {
        // A host program that was ended and started again.
        const other: Link = createHostLink(p.wire.host, p.clock, new Uint8Array(640), () => p.status.answers++);
        other.buf[0] = 2;
        linkSend(other, 1);
      }
      p.clock.run(3000);
      assert.is(p.status.device, BULK_BROKEN, `${how}: device`);
      if (how !== "message") {
        assert.is(p.status.host, BULK_BROKEN, `${how}: host`);
        assert.is(p.status.resets, 1);
        assert.ok(p.works());
      } else assert.is(p.status.answers, 2);
    }
  });
});

test.run();
