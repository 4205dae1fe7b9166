import { fileURLToPath } from "node:url";
import { treeCommand } from "../../src/cli/tree.js";

export interface Said {
  code: number;
  out: string;
  error: string;
}

class Ended extends Error {
  constructor(readonly code: number) {
    super("ended");
  }
}

/** Runs `leyden tree` within this process, which is told apart from one of its own by its speed alone; one at a time. */
export async function runHere(words: string[]): Promise<Said> {
  const { exit, stderr } = process;
  const { log } = console;
  const { write } = stderr;
  const out: string[] = [];
  let error = "";
  let code = 0;
  console.log = (line: string) => out.push(line);
  stderr.write = (text: string | Uint8Array) => {
    error += String(text);
    return true;
  };
  process.exit = (status) => {
    throw new Ended(Number(status ?? 0));
  };
  try {
    await treeCommand().parseAsync(words, { from: "user" });
    code = Number(process.exitCode ?? 0);
  } catch (ended) {
    if (!(ended instanceof Ended)) throw ended;
    ({ code } = ended);
  } finally {
    Object.assign(process, { exit, exitCode: undefined });
    Object.assign(stderr, { write });
    console.log = log;
  }
  return { code, out: out.join("\n"), error: error.trim() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await treeCommand().parseAsync(process.argv);
