import type { Clock } from "./clock.js";
import type { Contact, ContactedCard } from "./contact.js";

/** What the center says next: a command APDU for the card, or what it has learned. A refusal is an error with one sentence. */
export type Turn = { number: number; command: Uint8Array } | { card: ContactedCard } | { refusal: string };

/** Seconds after which a conversation that got no further is forgotten. */
const PATIENCE = 120;
/** Conversations at a time; the oldest makes room. */
const LIMIT = 1000;

/** One conversation of the center with a card: its commands wait here for their answers, each of which is a request of its own. */
class Conversation {
  private number = 0;
  private answered: ((answer: Uint8Array) => void) | undefined;
  private turn!: Promise<Turn>;
  private say!: (turn: Turn) => void;

  constructor(
    contact: Contact,
    loanId: Uint8Array,
    readonly since: number,
  ) {
    this.await();
    const transmit = (command: Uint8Array): Promise<Uint8Array> =>
      new Promise((resolve) => {
        this.answered = resolve;
        this.say({ number: ++this.number, command });
      });
    contact.card({ transmit }, loanId).then(
      (card) => {
        this.say({ card });
      },
      (error: unknown) => {
        this.say({ refusal: error instanceof Error ? error.message : String(error) });
      },
    );
  }

  first(): Promise<Turn> {
    return this.turn;
  }

  /** The turn after the answer to command `number`; the answer that was given last may be given again. Null for any other number. */
  next(number: number, answer: Uint8Array): Promise<Turn> | null {
    if (this.answered !== undefined && number === this.number) {
      const { answered } = this;
      this.answered = undefined;
      this.await();
      answered(answer);
      return this.turn;
    }
    return number > 0 && (number === this.number - 1 || (number === this.number && this.answered === undefined)) ? this.turn : null;
  }

  private await(): void {
    this.turn = new Promise((resolve) => {
      this.say = resolve;
    });
  }
}

/** The center's conversations with cards in kiosks' slots, by loan. They live in memory only: after a restart of the center each begins anew. */
export class Meetings {
  private readonly open = new Map<string, Conversation>();

  constructor(
    private readonly contact: Contact,
    private readonly clock: Clock,
  ) {}

  /** Begins the conversation about a loan, in place of one that was begun before. */
  begin(loanId: Uint8Array): Promise<Turn> {
    const name = Buffer.from(loanId).toString("hex");
    const now = this.clock.now();
    this.open.delete(name);
    for (const [old, { since }] of this.open) {
      if (since >= now - PATIENCE && this.open.size < LIMIT) break;
      this.open.delete(old);
    }
    const conversation = new Conversation(this.contact, loanId, now);
    this.open.set(name, conversation);
    return conversation.first();
  }

  /** Goes on with the card's answer to a command; null when there is no such conversation, or the answer is to another command. */
  next(loanId: Uint8Array, number: number, answer: Uint8Array): Promise<Turn> | null {
    return this.open.get(Buffer.from(loanId).toString("hex"))?.next(number, answer) ?? null;
  }
}
