export declare function tokenise(source: string): Uint8Array;
