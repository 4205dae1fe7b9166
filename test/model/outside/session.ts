/** Authentication by certificates and the session after it, as docs/protocol.md describes them, from the initiator's side. */
import { agree, derive, hmac, join, open, publicKeyOf, read32, same, seal, sha256, u16, u32, verify, type Bytes } from "./keys.js";

export interface Identity {
  id: Bytes;
  role: number;
  privateKey: Bytes;
  /** Own certificate and its issuer's, 256 bytes. */
  chain: Bytes;
  /** Public keys of the roots. */
  roots: Bytes[];
  time: () => number;
  random: (length: number) => Bytes;
}

/** What a dishonest initiator does in other ways than the documents say. */
export interface Deviation {
  ephemeral?: { privateKey: Bytes; publicKey: Bytes };
  agree?: (privateKey: Bytes, publicKey: Bytes) => Bytes;
  /** What of a message it takes into its transcript. */
  transcript?: (message: Bytes) => Bytes;
  /** What it takes for the value of the two ephemeral keys. */
  third?: (value: Bytes) => Bytes;
  /** What it takes for the key of the session, once both have confirmed. */
  session?: (key: Bytes) => Bytes;
  /** Goes on by guessing where it cannot open the peer's random number. */
  blind?: boolean;
}

/** What two that have met share. */
export interface Pair {
  id: Bytes;
  generation: number;
  secret: Bytes;
  peer: Bytes;
}

export class Refusal extends Error {
  constructor(
    readonly sw: number,
    what: string,
  ) {
    super(`${what}: ${sw.toString(16)}`);
  }
}

const CONTEXT = new TextEncoder().encode("leyden certificate");
const none = new Uint8Array(0);

/** "To verify a chain", with the present time vouched for by this party's own clock. */
export function checkChain(chain: Bytes, role: number, roots: Bytes[], now: number): { id: Bytes; publicKey: Bytes } {
  const [own, issuer] = [chain.slice(0, 128), chain.slice(128)];
  const signed = (certificate: Bytes, by: Bytes): boolean =>
    same(certificate.slice(12, 20), sha256(by).slice(0, 8)) &&
    verify(certificate.slice(64), join(CONTEXT, certificate.slice(0, 64)), by) &&
    read32(certificate, 24) <= now &&
    read32(certificate, 28) >= now;
  if (issuer[0] !== 1 || issuer[1] !== 2 || issuer[2] !== 7 || !roots.some((root) => signed(issuer, root)))
    throw new Error("the issuer's certificate is not good");
  if (own[0] !== 1 || own[1] !== 1 || own[2] !== role || !signed(own, issuer.slice(32, 64))) throw new Error("the certificate is not good");
  return { id: own.slice(4, 12), publicKey: own.slice(32, 64) };
}

export class OutsideSession {
  peer: Bytes = none;
  /** What the next session with this peer may begin with. */
  pair: Pair | null = null;
  #keys: { send: Bytes; receive: Bytes } | null = null;
  #sent = 0;
  #received = 0;

  constructor(
    private readonly transmit: (apdu: Bytes) => Promise<Bytes>,
    private readonly me: Identity,
  ) {}

  /** The three messages each way; afterwards commands are sealed. Throws a Refusal where the device refuses, an Error where this side does. */
  async authenticate(role: number, deviation: Deviation = {}): Promise<void> {
    const { me } = this;
    const shared = deviation.agree ?? agree;
    const privateKey = deviation.ephemeral?.privateKey ?? me.random(32);
    const ephemeral = deviation.ephemeral?.publicKey ?? publicKeyOf(privateKey);
    const heard = deviation.transcript ?? ((message: Bytes): Bytes => message);
    let transcript: Bytes = new Uint8Array(32);
    const said = (message: Bytes): Bytes => {
      transcript = sha256(transcript, heard(message));
      return message;
    };
    this.#keys = null;
    const first = said(await this.#step(1, said(join([0, 3, 1, 0], u32(1), new Uint8Array(16), ephemeral, me.chain))));
    if (first.length !== 312 || first[0] !== 0 || first[2] !== 1) throw new Error("message 1 is malformed");
    const peerEphemeral = first.slice(24, 56);
    const peer = checkChain(first.slice(56), role, me.roots, me.time());

    const challenge = me.random(16);
    const share = me.random(32);
    const key = derive(shared(privateKey, peer.publicKey), 38, transcript);
    const answer = await this.#step(2, said(seal(key, transcript, join(challenge, share, me.id, [me.role]))));
    const opened = open(derive(shared(me.privateKey, peerEphemeral), 39, transcript), transcript, answer);
    const number = opened ?? (deviation.blind ? join(new Uint8Array(48), peer.id, [role]) : null);
    if (!number || !same(number.slice(48), join(peer.id, [role]))) throw new Error("the random number is not the peer's");
    said(answer);
    const third = shared(privateKey, peerEphemeral);
    const session = hmac(transcript, share, number.slice(16, 48), deviation.third?.(third) ?? third);

    const confirmation = said(join(number.slice(0, 16), derive(session, 34, transcript).slice(0, 16)));
    const last = await this.#step(3, confirmation);
    if (!deviation.blind && !same(last, join(challenge, derive(session, 35, transcript).slice(0, 16))))
      throw new Error("the peer does not confirm");
    const taken = deviation.session?.(session) ?? session;
    this.#begin(taken, { id: derive(taken, 37).slice(0, 8), generation: 0, secret: derive(taken, 36), peer: peer.id });
  }

  /** Pairs: two messages to the responder, one back. */
  async resume(pair: Pair): Promise<void> {
    this.#keys = null;
    const first = join([1, 3, 1, 0], u32(1), new Uint8Array(16), pair.id, u32(pair.generation), this.me.random(16));
    const answer = await this.#step(1, first);
    if (answer.length !== 56 || answer[0] !== 1 || answer[2] !== 1) throw new Error("message 1 is malformed");
    const transcript = sha256(sha256(new Uint8Array(32), first), answer.slice(0, 40));
    const session = hmac(pair.secret, transcript);
    if (!same(answer.slice(40), derive(session, 35, transcript).slice(0, 16))) throw new Error("the peer does not confirm");
    const last = await this.#step(2, derive(session, 34, transcript).slice(0, 16));
    if (last.length !== 0) throw new Error("message 2 is malformed");
    this.#begin(session, { ...pair, generation: pair.generation + 1, secret: derive(session, 36) });
  }

  #begin(session: Bytes, next: Pair): void {
    this.#keys = { send: derive(session, 32), receive: derive(session, 33) };
    this.#sent = this.#received = 0;
    this.peer = next.peer;
    this.pair = next;
  }

  /** A command in the session: status word and data. */
  async exchange(cla: number, ins: number, tag: number, data: Bytes = none): Promise<{ sw: number; data: Bytes }> {
    const keys = this.#keys;
    const header = join([keys ? cla | 0x0c : cla, ins], u16(tag));
    const body = keys ? seal(keys.send, join(header, u32(this.#sent++)), data) : data;
    // Extended length, case 4 or 2: Le 0000 asks for all there is.
    const answer = await this.transmit(body.length > 0 ? join(header, [0], u16(body.length), body, [0, 0]) : join(header, [0, 0, 0]));
    const sw = (answer[answer.length - 2] << 8) | answer[answer.length - 1];
    const rest = answer.slice(0, -2);
    if (!keys || rest.length < 16) return { sw, data: keys ? none : rest };
    const plain = open(keys.receive, join([0, 0], u16(sw), u32(this.#received++)), rest);
    if (!plain) throw new Error("the answer is not of this session");
    return { sw, data: plain };
  }

  /** Like `exchange`, for commands that must succeed. */
  async command(ins: number, tag: number, data: Bytes, what: string): Promise<Bytes> {
    const answer = await this.exchange(0x80, ins, tag, data);
    if (answer.sw !== 0x9000) throw new Refusal(answer.sw, what);
    return answer.data;
  }

  async #step(number: number, data: Bytes): Promise<Bytes> {
    const answer = await this.exchange(0x00, 0x86, 0x0100 | number, data);
    if (answer.sw !== 0x9000) throw new Refusal(answer.sw, `message ${String(number)}`);
    return answer.data;
  }
}
