import type { OutputPlugin } from "rollup";

export function makePortable(code: string, engine: "espruino" | "jerryscript", anywhere?: boolean): Promise<string>;
export function portable(bundle: { name: string; engine: "espruino" | "jerryscript"; board?: string; room?: number }): OutputPlugin;
