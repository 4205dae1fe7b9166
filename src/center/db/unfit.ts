/** The database is not one that the center can work with; the sentence says what whoever runs the center does about it. */
export class DatabaseUnfit extends Error {}
