export function nest(source: string, mayHost: (name: string) => boolean): string;
