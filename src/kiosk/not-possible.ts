/** Something is not as a rental or a return needs it; the sentence is for the customer. */
export class NotPossible extends Error {}
