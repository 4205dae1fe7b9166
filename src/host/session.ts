import { get16, get32, put16 } from "../core/bytes.js";
import { expectBytes, expectLength, expectMember, expectText, expectWhole } from "../core/check.js";
import { SW_NOT_FOUND, SW_OK, encodeCommand } from "../core/link/apdu.js";
import { INS_GENERAL_AUTHENTICATE, INS_GET_DATA, MESSAGE_LENGTH, PROTOCOL_VERSION, TAG_DEVICE } from "../core/protocol/constants.js";
import { createHandshake, handshakeBegin, handshakeStep, prepareEphemeral, type Handshake } from "../core/protocol/handshake.js";
import { closeChannel, createChannel, openMessage, sealMessage, type Channel } from "../core/protocol/session.js";
import type { HostParty } from "./party.js";
import { describeStatus } from "./status.js";

/** What the session needs of a transport. */
export interface ApduTransport {
  transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

/** What a device tells anyone about itself. */
export interface DeviceInfo {
  version: number;
  role: number;
  personalized: boolean;
  /** REFUSED_ bits: native primitives of its engine that answered wrong, in whose place its own code runs; see `describeRefused`. */
  refused: number;
  suites: number;
  id: Uint8Array;
  generation: number;
  epoch: number;
  floor: number;
  /** Largest sealed content that it stores, bytes; 0 for none. */
  capacity: number;
  board: string;
}

/** A refusal by a device: its status word, and a sentence that says what it means. */
export class DeviceError extends Error {
  constructor(
    readonly status: number,
    readonly data: Uint8Array,
    what: string,
  ) {
    super(`${what}: ${describeStatus(status)}`);
  }
}

/** The session has ended: another device is at the other end, or this one was reset. */
export class SessionError extends Error {}

/** One device at the other end of a transport: commands in clear, and, once authenticated, inside a session. */
export class DeviceSession {
  private readonly channel: Channel = createChannel();
  private readonly handshake: Handshake | null;

  constructor(
    private readonly transport: ApduTransport,
    private readonly party: HostParty | null = null,
  ) {
    expectMember("transport", transport, "transmit", "a Transport, or another object with transmit");
    if (party !== null) expectMember("party", party, "pairWith", "a HostParty, or null");
    this.handshake = party && createHandshake(party, this.channel);
  }

  get authenticated(): boolean {
    return this.channel.open;
  }

  /** Id of the authenticated peer, 8 bytes. */
  get peer(): Uint8Array {
    return this.channel.peer.slice(0, 8);
  }

  /** Ends the session on this side. */
  close(): void {
    closeChannel(this.channel);
  }

  /** True when the device at the other end still is the one of this session. */
  async stands(): Promise<boolean> {
    try {
      return this.authenticated && (await this.transfer(0x00, INS_GET_DATA, TAG_DEVICE, new Uint8Array(0))).sw === SW_OK;
    } catch (error) {
      this.close();
      if (error instanceof SessionError) return false;
      throw error;
    }
  }

  async info(): Promise<DeviceInfo> {
    const { sw, data } = await this.transfer(0x00, INS_GET_DATA, TAG_DEVICE, new Uint8Array(0));
    if (sw !== SW_OK || data.length < 28) throw new DeviceError(sw, data, "The device did not describe itself");
    return {
      version: data[0],
      role: data[1],
      personalized: (data[2] & 1) === 1,
      refused: data[2] >> 1,
      suites: data[3],
      id: data.slice(4, 12),
      generation: get32(data, 12),
      floor: get32(data, 16),
      epoch: get32(data, 20),
      capacity: get32(data, 24),
      board: Buffer.from(data.subarray(28)).toString("latin1"),
    };
  }

  /**
   * Mutual authentication with this party as initiator: by the pair that the two share, else by certificates.
   *
   * @throws DeviceError with the status word when the device refuses, or 0x6982 when this side does
   */
  async authenticate(role: number, context: Uint8Array = new Uint8Array(16)): Promise<void> {
    expectWhole("role", role, 1, 255);
    expectLength("context", context, 16);
    if (!this.party || !this.handshake)
      throw new Error("This session has no party; give one to the DeviceSession that shall authenticate.");
    closeChannel(this.channel);
    const known = this.party.pairWith((await this.info()).id);
    if (known && (await this.attempt(role, context, known))) return;
    await this.attempt(role, context, null);
  }

  /** Sends a command, sealed when a session is open; answers status word and data. */
  async transfer(cla: number, ins: number, tag: number, data: Uint8Array): Promise<{ sw: number; data: Uint8Array }> {
    expectWhole("cla", cla, 0, 255);
    expectWhole("ins", ins, 0, 255);
    expectWhole("tag", tag, 0, 65_535);
    expectBytes("data", data);
    const header = Uint8Array.of(cla, ins, tag >> 8, tag & 255);
    let body = data;
    if (this.channel.open) {
      header[0] |= 0x0c;
      body = new Uint8Array(16 + data.length);
      body.set(data, 16);
      sealMessage(this.channel, header, body);
    }
    const message = new Uint8Array(body.length + 16);
    const length = encodeCommand(message, get32(header, 0), body.length > 0 ? body : null, 65536);
    if (body.length > MESSAGE_LENGTH - 16)
      throw new Error(`A command takes at most ${String(MESSAGE_LENGTH - 16)} bytes of data, not ${String(body.length)}.`);
    const answer = await this.transport.transmit(message.subarray(0, length));
    if (answer.length < 2) throw new Error("The device answered less than a status word; reset it and try again.");
    const sw = get16(answer, answer.length - 2);
    const sealed = answer.slice(0, answer.length - 2);
    if (!this.channel.open) return { sw, data: sealed };
    const answerHeader = new Uint8Array(4);
    put16(answerHeader, 2, sw);
    if (sealed.length >= 16) {
      if (!openMessage(this.channel, answerHeader, sealed))
        throw new SessionError("The answer was not sealed by the device of this session; authenticate again.");
      return { sw, data: sealed.subarray(16) };
    }
    closeChannel(this.channel);
    if (sw === SW_OK) throw new SessionError("The device answered outside of the session; authenticate again.");
    return { sw, data: new Uint8Array(0) };
  }

  /**
   * Like `transfer`, for commands that must succeed.
   *
   * @param what - begins the error's sentence, as "The cartridge did not take the key"
   * @throws DeviceError with any status but 0x9000
   */
  async command(cla: number, ins: number, tag: number, data: Uint8Array, what: string): Promise<Uint8Array> {
    expectText("what", what);
    const answer = await this.transfer(cla, ins, tag, data);
    if (answer.sw !== SW_OK) throw new DeviceError(answer.sw, answer.data, what);
    return answer.data;
  }

  private async attempt(role: number, context: Uint8Array, pair: { pairId: Uint8Array; generation: number } | null): Promise<boolean> {
    const h = this.handshake as Handshake;
    const message = new Uint8Array(MESSAGE_LENGTH);
    let length = 0;
    if (!pair) prepareEphemeral(h, () => undefined);
    length = handshakeBegin(h, message, context, role, pair?.pairId ?? null, pair?.generation ?? 0);
    for (let step = 1; ; step++) {
      if (length < 0) throw new DeviceError(0x6982, new Uint8Array(0), "This side refused the device");
      if (h.step === 0 && length === 0 && this.channel.open) return true;
      const answer = await this.transfer(0x00, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | step, message.slice(0, length));
      if (answer.sw === SW_NOT_FOUND && pair && step === 1) {
        this.party?.forget(new Uint8Array(h.peer.subarray(0, 8)));
        return false;
      }
      if (answer.sw !== SW_OK) throw new DeviceError(answer.sw, answer.data, "The device refused authentication");
      message.set(answer.data);
      length = -1;
      handshakeStep(h, message, answer.data.length, (next) => (length = next));
    }
  }
}
