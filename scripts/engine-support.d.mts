export function checkBundle(code: string, engine: string): void;
export function checkSyntax(code: string): void;
export function espruinoNumber(raw: string): number;
