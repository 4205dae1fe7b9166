import { createHostLink } from "../../src/core/link/host.js";
import { createLink, linkSend, type Link } from "../../src/core/link/t1.js";
import { Clock, block } from "./wire.js";

/** One end whose peer is the test: `give` what the peer sends, `sent` what this end has sent since asked last. */
export function end(role: number, synchronized = true, length = 640) {
  const clock = new Clock();
  const frames: Uint8Array[] = [];
  let receiver: (bytes: Uint8Array) => void = () => undefined;
  const port = { write: (bytes: Uint8Array) => void frames.push(bytes.slice()), onReceive: (to: typeof receiver) => void (receiver = to) };
  const messages: string[] = [];
  const failures: number[] = [];
  const resets: number[] = [];
  const onMessage = (count: number): void => void messages.push(hex(link.buf.subarray(0, count)));
  const buffer = new Uint8Array(length);
  const link: Link = role ? createLink(role, port, clock, buffer, onMessage) : createHostLink(port, clock, buffer, onMessage);
  link.onFailure = (reason) => failures.push(reason);
  link.onReset = (_atr, who) => resets.push(who);
  const sent = (): string => frames.splice(0).map(hex).join(" ");
  const send = (message: Uint8Array | number[]): boolean => {
    link.buf.set(message);
    return linkSend(link, message.length);
  };
  const give = (...bytes: Uint8Array[]): string => {
    for (const each of bytes) receiver(each);
    return sent();
  };
  if (role === 0 && synchronized) give(atr(1));
  return { clock, link, messages, failures, resets, sent, send, give, wait: (ms: number) => (clock.run(ms), sent()) };
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const fill = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
export const B = (pcb: number, inf: Uint8Array | number[] = []): string => hex(block(pcb, inf));
export function atr(role: number): Uint8Array {
  const bytes = [0x3b, 0x8a, 0x81, 0x31, 0xfe, 0x3d, 0x80, 0x68, ...Buffer.from("LEYDEN"), 1, role];
  return Uint8Array.from([...bytes, bytes.slice(1).reduce((sum, byte) => sum ^ byte, 0)]);
}
