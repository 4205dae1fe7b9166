export function hoist(source: string): string;
