import { SingleBar } from "cli-progress";

/** Passes bytes on and shows, on a terminal, how many of `total` have gone by. */
export async function* showProgress(what: string, source: AsyncIterable<Uint8Array>, total: number): AsyncGenerator<Uint8Array> {
  const bar =
    process.stderr.isTTY && total > 0
      ? new SingleBar({
          format: `${what.padEnd(10)} {bar} {percentage} %  {value}/{total} bytes`,
          stream: process.stderr,
          clearOnComplete: true,
          hideCursor: true,
        })
      : null;
  let done = 0;
  bar?.start(total, 0);
  try {
    for await (const bytes of source) {
      done += bytes.length;
      bar?.update(Math.min(done, total));
      yield bytes;
    }
  } finally {
    bar?.stop();
  }
}
