let stop: (() => void) | null = null;

/** Resolves at the first SIGINT or SIGTERM, for a program that has something to put in order; a second signal ends it at once. */
export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => (stop = resolve));
}

/** What signals do: whoever waits for one is told, and without such a program the process ends. */
export function handleSignals(): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    process.on(signal, () => {
      const waiting = stop;
      stop = null;
      if (waiting) return void waiting();
      console.error("Interrupted.");
      process.exit(code);
    });
}
