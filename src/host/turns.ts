/** One at a time, in the order of asking: for a device on one wire, whose transfers are of several exchanges. */
export class Turns {
  private readonly waiting: (() => Promise<void>)[] = [];
  private taken = false;

  take<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      // What throws before its first wait is refused like all else.
      this.waiting.push(() => Promise.resolve().then(work).then(resolve, reject));
      if (!this.taken) void this.run();
    });
  }

  /** For work that has its turn for long: does now what waits. */
  async others(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) await next();
  }

  private async run(): Promise<void> {
    this.taken = true;
    while (this.waiting.length > 0) await this.others();
    this.taken = false;
  }
}
