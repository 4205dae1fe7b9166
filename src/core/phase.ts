/**
 * Ends of phases. Bundles for boards with few variables make functions and working memory for a command, or for the arithmetic of an
 * authentication, when something in them is first called, and give them back here (scripts/build/phases.mjs). Everywhere else these do nothing.
 */

/** Long arithmetic has ended, and its result is copied. */
export function releaseArithmetic(): void {
  // the build puts in what there is to release
}

/** A command has been answered, or goes on later in closures that keep what they need. */
export function releaseCommands(): void {
  // the build puts in what there is to release
}
