export const STRICT: boolean;
export function upToDate(): boolean;
export function sourcesHash(): string;
