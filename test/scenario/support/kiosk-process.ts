/** The kiosk as a process of its own: between the devices and the center it has nothing but two sockets each. Tells every byte that it ever saw. */
import { connect } from "node:net";
import { rent, encodeTerms } from "../../../src/kiosk/rental.js";
import { DeviceSession } from "../../../src/host/session.js";
import { openTcp } from "../../../src/host/tcp.js";
import { Transport } from "../../../src/host/transport.js";
import type { LoanCenter } from "../../../src/center/api.js";
import { LoanWorld } from "../../../sim/loan-world.js";
import { receive, send, type Message } from "./lines.js";

const seen: string[] = [];
const { kiosk } = new LoanWorld({ days: 7, seed: 51 });

async function device(port: unknown): Promise<{ session: DeviceSession; transport: Transport }> {
  const transport = new Transport(await openTcp(`tcp://127.0.0.1:${String(port)}`));
  const watched = {
    transmit: async (apdu: Uint8Array): Promise<Uint8Array> => {
      const answer = await transport.transmit(apdu);
      seen.push(Buffer.from(apdu).toString("hex"), Buffer.from(answer).toString("hex"));
      return answer;
    },
  };
  const session = new DeviceSession(watched, kiosk);
  const command = session.transfer.bind(session);
  session.transfer = async (cla, ins, tag, data) => {
    const answer = await command(cla, ins, tag, data);
    seen.push(Buffer.from(data).toString("hex"), Buffer.from(answer.data).toString("hex"));
    return answer;
  };
  return { session, transport };
}

function centerAt(port: number, carry: (apdu: Uint8Array) => Promise<Uint8Array>): Promise<LoanCenter> {
  const socket = connect(port, "127.0.0.1");
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let calls = 0;
  receive(socket, (message: Message) => {
    seen.push(
      JSON.stringify(message, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value)),
    );
    if (typeof message.carry === "number") {
      const number = message.carry;
      void carry(message.apdu as Uint8Array).then((answer) => {
        send(socket, { carried: number, answer });
      });
      return;
    }
    const call = waiting.get(message.id as number);
    if (typeof message.error === "string") call?.reject(new Error(message.error));
    else call?.resolve(message.result);
  });
  const ask = (method: string, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(++calls, { resolve, reject });
      send(socket, { id: calls, method, args });
    });
  const names = ["prepare", "meet", "issueLicense", "completeContract", "loadKey", "activate", "receive"] as const;
  const calls_ = Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => ask(name, ...(name === "meet" ? [args[0]] : args))]),
  );
  return Promise.resolve(calls_ as unknown as LoanCenter);
}

receive(process.stdin, (order) => {
  void (async () => {
    const card = await device(order.card);
    const cartridge = await device(order.cartridge);
    const carry = (apdu: Uint8Array): Promise<Uint8Array> => card.transport.transmit(apdu);
    const sealed = order.sealed as Uint8Array;
    const steps: string[] = [];
    try {
      const loanId = await rent({
        cartridge: { session: cartridge.session, sendFrames: (count, frame) => cartridge.transport.bulkSend(count, frame) },
        card: { session: card.session, sendFrames: (count, frame) => card.transport.bulkSend(count, frame), carry },
        center: await centerAt(Number(order.center), carry),
        contentId: order.contentId as Uint8Array,
        content: { length: sealed.length, read: (offset, length) => sealed.subarray(offset, offset + length) },
        terms: encodeTerms({ custody: Number(order.custody), duration: 7 * 86_400, kioskId: kiosk.id }),
        kioskId: kiosk.id,
        idempotencyKey: "one",
        wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
        progress: (step) => steps.push(step),
      });
      send(process.stdout, { loanId, seen, steps });
    } catch (error) {
      send(process.stdout, { error: (error as Error).message, seen, steps });
    }
  })();
});
