/** How many of Espruino's variables a bundle holds once it has started, measured on the engine itself. */
import { espruinoDevice } from "./espruino.js";

export interface Variables {
  /** Held by the bundle: in use after boot, less what the bench takes. */
  used: number;
  /** Free at that moment on this engine, the bench's share given back. */
  free: number;
  /** Bytes in one variable; 13 on a board with 2,048 to 8,191 of them. */
  bytes: number;
}

/** Without a console to print on, the bundle tells the bench; process.memory() collects garbage first. */
const PROBE = `setTimeout(function(){var m=process.memory();Serial6.write("M"+m.usage+","+m.total+","+m.blocksize+";");},500);`;
const LIMIT = 10_000;

async function measure(program: string, bundle: string, folder: string, wires: number): Promise<[number, number, number] | undefined> {
  const device = await espruinoDevice({ program, bundle, probe: PROBE, folder, wires });
  try {
    let told = "";
    device.bench.onReceive((bytes) => (told += Buffer.from(bytes).toString("latin1")));
    await device.powerOn();
    const end = Date.now() + LIMIT;
    while (Date.now() < end) {
      const found = /M(\d+),(\d+),(\d+);/.exec(told);
      if (found) return [Number(found[1]), Number(found[2]), Number(found[3])];
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return undefined;
  } finally {
    await device.dispose();
  }
}

/** Undefined when the bundle does not start on this engine, which is what too few variables look like. */
export async function variablesAfterBoot(program: string, bundle: string, folder: string, wires: number): Promise<Variables | undefined> {
  const empty = await measure(program, "E.setConsole(null,{force:true});", `${folder}-empty`, wires);
  const full = await measure(program, bundle, folder, wires);
  if (!empty || !full) return undefined;
  return { used: full[0] - empty[0], free: full[1] - full[0] + empty[0], bytes: full[2] };
}
