/**
 * Card and cartridge as a process of their own: two simulated boards in the slots of a kiosk, each slot's wire served on a TCP port, virtual time going with real
 * time. Standard output tells the ports and what enrollment gave them; `{"pass": milliseconds}` on standard input lets so much time pass at once.
 */
import { createServer, type AddressInfo } from "node:net";
import { Stage } from "./stage.js";
import { receive, send } from "./lines.js";

const stage = new Stage({ seed: 51 });
const { world } = stage;
await world.run(async () => {
  await stage.enrollAll();
  await stage.toKiosk();
});
/** Virtual time never runs ahead of what came over the network by more than this, in microseconds. */
const STEP = 5000;

function serve(name: "kiosk card slot" | "kiosk cartridge slot"): Promise<number> {
  const slot = world.slots.get(name);
  if (!slot) throw new Error(`there is no ${name}`);
  slot.wire.detach(0);
  const port = world.hostPort(`${name} on the network`, slot.wire);
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

const card = await serve("kiosk card slot");
const cartridge = await serve("kiosk cartridge slot");
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  world.clock.runFor(Math.min(STEP, (now - last) * 1000));
  last = now;
}, 2);
receive(process.stdin, (message) => {
  world.clock.runFor(Number(message.pass) * 1000);
  send(process.stdout, {
    passed: message.pass,
    key: stage.cartridge.keyValid,
    held: stage.cartridge.arenas.keyMemory?.slice(0, 32) ?? null,
  });
});
send(process.stdout, {
  card,
  cartridge,
  cardId: stage.certificates.get("card")?.slice(4, 12),
  cartridgeId: stage.certificates.get("cartridge")?.slice(4, 12),
});
