export function rename(source: string, options: { reserved: ReadonlySet<string>; keepProperty: (name: string) => boolean }): string;
