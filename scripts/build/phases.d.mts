export declare function phase(source: string, moduleOf: (name: string) => string | undefined): string;
