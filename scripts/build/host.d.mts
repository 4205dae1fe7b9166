export function buildHost(): Promise<string>;
