/**
 * The center as a process of its own: it issues licenses to cards that it has authenticated itself, through a kiosk that it does not trust. First line on standard
 * input: the devices it has enrolled, and the content; first line on standard output: its TCP port.
 */
import { createServer, type AddressInfo } from "node:net";
import { Contact } from "../../../src/center/contact.js";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../../../src/core/protocol/constants.js";
import type { LentContent } from "../../../src/center/local.js";
import { LoanWorld } from "../../../sim/loan-world.js";
import { receive, send, type Message } from "./lines.js";
import { centerParty } from "./parties.js";

const world = new LoanWorld({ days: 7, seed: 51 });
const { center } = world;
center.meetBy(new Contact(centerParty(world), [world.issuer.publicKey]));

receive(process.stdin, (message) => {
  center.addDevice({ role: ROLE_CARD, id: message.cardId as Uint8Array, generation: 1 });
  center.addDevice({ role: ROLE_CARTRIDGE, id: message.cartridgeId as Uint8Array, generation: 1 });
  center.addContent(message.content as LentContent);
  const server = createServer((socket) => {
    const carried = new Map<number, (answer: Uint8Array) => void>();
    let carries = 0;
    const carry = (apdu: Uint8Array): Promise<Uint8Array> =>
      new Promise((resolve) => {
        carried.set(++carries, resolve);
        send(socket, { carry: carries, apdu });
      });
    const serve = async ({ id, method, args }: Message): Promise<void> => {
      try {
        const given = args as unknown[];
        const call = (center as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method as string].bind(center);
        send(socket, { id, result: await (method === "meet" ? call(given[0], carry) : call(...given)) });
      } catch (error) {
        send(socket, { id, error: (error as Error).message });
      }
    };
    receive(socket, (request) => {
      if (typeof request.carried === "number") carried.get(request.carried)?.(request.answer as Uint8Array);
      else void serve(request);
    });
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1", () => {
    send(process.stdout, { port: (server.address() as AddressInfo).port });
  });
});
