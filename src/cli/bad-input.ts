/** Something that the caller can mend: its sentence goes to standard error, and the program ends with exit code 2. */
export class BadInput extends Error {}
