/** What became of a payment. `unknown`: the device did not say; money may have been taken. */
export type Outcome = "approved" | "declined" | "unknown";

/** Takes money. Each payment has a reference, under which the device knows it however often it is asked. */
export interface PaymentDevice {
  readonly method: "cash" | "card";
  /**
   * Begins to take `amount` minor units. `answer` may be called never, once or more often.
   *
   * @param reference - names this payment; beginning it again does not take the money again
   */
  begin(reference: string, amount: number, currency: string, answer: (outcome: "approved" | "declined") => void): void;
  /** What became of a payment that was begun. */
  query(reference: string): Promise<Outcome>;
  /** Gives a payment up; answers what holds from then on: approved when it was too late. */
  cancel(reference: string): Promise<Outcome>;
  /** Gives back what was taken under the reference; nothing when nothing was. Safe to repeat. */
  refund(reference: string): Promise<void>;
}

/**
 * Has a payment made and waits for its outcome: the first answer counts, a second is passed over, and where none comes in time the device is asked
 * and the payment given up.
 *
 * @param timeout - milliseconds
 */
export async function takeMoney(
  device: PaymentDevice,
  reference: string,
  amount: number,
  currency: string,
  timeout: number,
): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => {
      resolve("unknown");
    }, timeout);
    device.begin(reference, amount, currency, resolve);
  });
  const outcome = await answer;
  clearTimeout(timer);
  return outcome === "unknown" ? device.cancel(reference).catch((): Outcome => "unknown") : outcome;
}

/** A drawer into which the customer puts what is due; an attendant or a coin counter reports what came in. */
export class CashDrawer implements PaymentDevice {
  readonly method = "cash";
  private readonly open = new Map<string, { amount: number; inserted: number; answer: (outcome: "approved") => void }>();
  private readonly taken = new Map<string, number>();
  /** Minor units in the drawer. */
  content = 0;

  /** @param giveBack - called with change, and with what comes back from a payment given up */
  constructor(private readonly giveBack: (amount: number) => void) {}

  begin(reference: string, amount: number, _currency: string, answer: (outcome: "approved" | "declined") => void): void {
    if (this.taken.has(reference)) answer("approved");
    else this.open.set(reference, { amount, inserted: 0, answer });
  }

  /** Money came in for a payment. */
  insert(reference: string, amount: number): void {
    const payment = this.open.get(reference);
    this.content += amount;
    if (payment === undefined) this.pay(amount);
    else payment.inserted += amount;
    if (payment === undefined || payment.inserted < payment.amount) return;
    this.open.delete(reference);
    this.taken.set(reference, payment.amount);
    this.pay(payment.inserted - payment.amount);
    payment.answer("approved");
  }

  query(reference: string): Promise<Outcome> {
    return Promise.resolve(this.taken.has(reference) ? "approved" : this.open.has(reference) ? "unknown" : "declined");
  }

  cancel(reference: string): Promise<Outcome> {
    this.pay(this.open.get(reference)?.inserted ?? 0);
    this.open.delete(reference);
    return this.query(reference);
  }

  refund(reference: string): Promise<void> {
    this.pay(this.taken.get(reference) ?? 0);
    this.taken.delete(reference);
    return Promise.resolve();
  }

  private pay(amount: number): void {
    if (amount === 0) return;
    this.content -= amount;
    this.giveBack(amount);
  }
}

/** How the simulated payment device behaves at its next payments; the last one stays. */
export type Behavior = "approve" | "decline" | "silent" | "approve silently" | "approve twice" | "approve late";

/** A card payment device that can decline, time out and answer twice. It knows its payments by reference, also after a restart of the kiosk. */
export class SimulatedTerminal implements PaymentDevice {
  readonly method = "card";
  /** Amounts that were taken from customers' accounts, by reference. */
  readonly taken = new Map<string, number>();
  /** References given up or paid back: nothing is taken under them any more. */
  private readonly given = new Set<string>();

  constructor(private behaviors: Behavior[] = ["approve"]) {}

  behave(...behaviors: Behavior[]): void {
    this.behaviors = behaviors;
  }

  begin(reference: string, amount: number, _currency: string, answer: (outcome: "approved" | "declined") => void): void {
    const behavior = this.behaviors.length > 1 ? (this.behaviors.shift() ?? "approve") : this.behaviors[0];
    if (this.taken.has(reference)) {
      answer("approved");
      return;
    }
    if (this.given.has(reference) || behavior === "decline") answer("declined");
    else if (behavior !== "silent") this.approve(reference, amount, behavior, answer);
  }

  private approve(reference: string, amount: number, behavior: Behavior, answer: (outcome: "approved") => void): void {
    this.taken.set(reference, amount);
    if (behavior === "approve silently" || behavior === "approve late") return;
    answer("approved");
    if (behavior === "approve twice") answer("approved");
  }

  query(reference: string): Promise<Outcome> {
    return Promise.resolve(this.taken.has(reference) ? "approved" : "declined");
  }

  cancel(reference: string): Promise<Outcome> {
    if (this.behaviors[0] === "approve late") return Promise.reject(new Error("The payment device does not answer."));
    if (!this.taken.has(reference)) this.given.add(reference);
    return this.query(reference);
  }

  refund(reference: string): Promise<void> {
    this.taken.delete(reference);
    this.given.add(reference);
    return Promise.resolve();
  }
}
