export function makePortable(code: string, engine: "espruino" | "jerryscript"): Promise<string>;
