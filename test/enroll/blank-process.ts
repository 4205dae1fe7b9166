/**
 * Blank boards in a process of their own, as they come from flashing: card and cartridge in slots, a reader on its host wire, each on a TCP port, virtual time going with
 * real time. Standard output tells the ports.
 */
import { createServer, type AddressInfo } from "node:net";
import { LoanWorld } from "../../sim/loan-world.js";
import { send } from "../scenario/support/lines.js";

const loan = new LoanWorld({ days: 7, seed: Number(process.argv[2]) });
const { world } = loan;
await world.run(async () => {
  world.dock(loan.card, loan.kioskCard);
  world.dock(loan.cartridge, loan.kioskCartridge);
  loan.reader.supply("wall", 3.3);
  await world.sleep(1000);
});
/** Virtual time never runs ahead of what came over the network by more than this, in microseconds. */
const STEP = 5000;

function serve(name: "card" | "cartridge" | "reader"): Promise<number> {
  const wire = { card: loan.kioskCard.wire, cartridge: loan.kioskCartridge.wire, reader: loan.readerHost }[name];
  wire.detach(0);
  const port = world.hostPort(`${name} on the network`, wire, 0, name === "reader" ? 1_000_000 : undefined);
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.setNoDelay(true);
      port.onReceive((bytes) => socket.write(bytes));
      socket.on("data", (data) => {
        port.write(new Uint8Array(data));
      });
      socket.on("error", () => undefined);
    });
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const ports = { card: await serve("card"), cartridge: await serve("cartridge"), reader: await serve("reader") };
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  world.clock.runFor(Math.min(STEP, (now - last) * 1000));
  last = now;
}, 2);
send(process.stdout, ports);
