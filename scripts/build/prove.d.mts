export function prove(source: string): unknown;
