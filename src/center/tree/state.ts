import { SCHEME_COMPLETE_SUBTREE, SCHEME_SUBSET_DIFFERENCE } from "../../core/tree/tree.js";
import { sortedLeaves } from "./cover.js";
import type { TreeScheme } from "./cover.js";

/** What changes about a key tree in its life; no secret in it. */
export interface TreeState {
  /** 8 bytes. */
  id: Uint8Array;
  scheme: TreeScheme;
  depth: number;
  /** Raised by one whenever leaves are revoked; never lowered. */
  epoch: number;
  /** Ascending, each once. */
  revoked: number[];
}

const FORMAT = "leyden key tree 1";
const SCHEME_NAMES = { "complete-subtree": SCHEME_COMPLETE_SUBTREE, "subset-difference": SCHEME_SUBSET_DIFFERENCE } as const;

/** "complete-subtree" or "subset-difference". */
export function schemeName(scheme: TreeScheme): string {
  return scheme === SCHEME_COMPLETE_SUBTREE ? "complete-subtree" : "subset-difference";
}

/** Scheme of that name. Throws for any other. */
export function schemeOf(name: unknown): TreeScheme {
  if (name === "complete-subtree" || name === "subset-difference") return SCHEME_NAMES[name];
  throw new Error(`scheme: expected complete-subtree or subset-difference, got ${String(name)}`);
}

/**
 * The state with more leaves revoked, in a new epoch; the same state when all of them are revoked already. Throws a RangeError for a leaf
 * out of range.
 */
export function revokeLeaves(state: TreeState, leaves: Iterable<number>): TreeState {
  const revoked = sortedLeaves(state.depth, [...state.revoked, ...leaves]);
  if (revoked.length === state.revoked.length) return state;
  if (state.epoch >= 0xffffffff) throw new RangeError("epoch: the last one is in use; create a new tree");
  return { ...state, epoch: state.epoch + 1, revoked };
}

/** JSON text of a state, the same for the same state. */
export function writeState(state: TreeState): string {
  const { id, scheme, depth, epoch, revoked } = state;
  return `${JSON.stringify({ format: FORMAT, id: Buffer.from(id).toString("hex"), scheme: schemeName(scheme), depth, epoch, revoked }, null, 2)}\n`;
}

/**
 * State from its JSON text.
 *
 * @throws Error that names the first member that does not fit
 */
export function readState(text: string): TreeState {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error("tree file: expected JSON, got other text; create the tree with leyden tree create");
  }
  const members: Record<string, unknown> = typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  if (members.format !== FORMAT) throw new Error(`tree file: expected format "${FORMAT}", got ${JSON.stringify(members.format)}`);
  const { id, depth, epoch, revoked } = members;
  if (typeof id !== "string" || !/^[0-9a-f]{16}$/.test(id)) throw new Error("tree file: expected id of 16 hex digits");
  if (typeof depth !== "number") throw new Error("tree file: expected depth to be a number");
  if (typeof epoch !== "number" || !Number.isInteger(epoch) || epoch < 0 || epoch > 0xffffffff)
    throw new Error("tree file: expected epoch to be a whole number from 0 to 4294967295");
  if (!Array.isArray(revoked) || !revoked.every((leaf): leaf is number => typeof leaf === "number"))
    throw new Error("tree file: expected revoked to be a list of leaves");
  return {
    id: new Uint8Array(Buffer.from(id, "hex")),
    scheme: schemeOf(members.scheme),
    depth,
    epoch,
    revoked: sortedLeaves(depth, revoked),
  };
}
