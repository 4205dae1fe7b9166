import { randomBytes } from "node:crypto";
import { blockSlice, enablingBlock } from "../tree/block.js";
import { clientKeys, mediaKey, type KeyTree } from "../tree/keys.js";
import { ProblemError } from "../api/problems.js";
import type { Trx } from "../db/database.js";
import { fromHex, toHex, type Scope } from "../scope.js";

/** Leaves of the tree: 2 to the power of this. */
const DEPTH = 20;
/** Enabling blocks kept in memory; each is made again from the same keys when it is needed. */
const KEPT = 16;

const blocks = new Map<string, Promise<Uint8Array>>();

interface Tree {
  tree: KeyTree;
  epoch: number;
}

/** The center's one tree and its epoch, made at first use. */
export async function keyTree(scope: Scope): Promise<Tree> {
  await scope.trx
    .insertInto("key_tree")
    .values({ id: toHex(randomBytes(8)), depth: DEPTH, epoch: 1 })
    .onConflict((conflict) => conflict.column("only_one").doNothing())
    .execute();
  const { id, depth, epoch } = await scope.trx.selectFrom("key_tree").selectAll().executeTakeFirstOrThrow();
  return { tree: scope.authority.household.tree(fromHex(id), depth), epoch };
}

/** Gives the client the next leaf; leaves are never used twice. Answers its key material, secret. */
export async function takeLeaf(scope: Scope, clientId: string): Promise<{ leaf: number; keys: Uint8Array }> {
  const { tree } = await keyTree(scope);
  const { leaf: last } = await scope.trx
    .selectFrom("client_leaves")
    .select((eb) => eb.fn.max("leaf").as("leaf"))
    .executeTakeFirstOrThrow();
  const leaf = last === null ? 0 : Number(last) + 1;
  if (leaf >= 2 ** tree.depth) throw new ProblemError("conflict", "Every leaf of the key tree is taken; make a deeper tree.");
  await scope.trx.insertInto("client_leaves").values({ leaf, device_id: clientId }).execute();
  return { leaf, keys: clientKeys(tree, leaf) };
}

/** Key material of a client that has a leaf. */
export async function leafKeys(scope: Scope, clientId: string): Promise<{ leaf: number; keys: Uint8Array }> {
  const { tree } = await keyTree(scope);
  const { leaf } = await scope.trx.selectFrom("client_leaves").select("leaf").where("device_id", "=", clientId).executeTakeFirstOrThrow();
  return { leaf, keys: clientKeys(tree, leaf) };
}

/** Locks the client's leaf out of every enabling block from a new epoch on. Safe to repeat; answers the epoch. */
export async function revokeLeaf(scope: Scope, clientId: string): Promise<number> {
  await keyTree(scope);
  const changed = await scope.trx
    .updateTable("client_leaves")
    .set({ revoked_at: scope.now })
    .where("device_id", "=", clientId)
    .where("revoked_at", "is", null)
    .returning("leaf")
    .executeTakeFirst();
  if (changed !== undefined)
    await scope.trx
      .updateTable("key_tree")
      .set((eb) => ({ epoch: eb("epoch", "+", 1) }))
      .execute();
  return (await keyTree(scope)).epoch;
}

export interface Enabling {
  epoch: number;
  mediaKey: Uint8Array;
  /** The client's part of the enabling block; null for a client that is revoked. */
  slice: Uint8Array | null;
}

/** What opens contents of the newest epoch for one client. */
export async function enable(scope: Scope, clientId: string, contentId: Uint8Array): Promise<Enabling> {
  const { tree, epoch } = await keyTree(scope);
  const row = await scope.trx.selectFrom("client_leaves").select("leaf").where("device_id", "=", clientId).executeTakeFirstOrThrow();
  return { epoch, mediaKey: mediaKey(tree, epoch, contentId), slice: blockSlice(await blockOf(scope, tree, epoch, contentId), row.leaf) };
}

async function revokedLeaves(trx: Pick<Trx, "selectFrom">): Promise<number[]> {
  const rows = await trx.selectFrom("client_leaves").select("leaf").where("revoked_at", "is not", null).orderBy("leaf").execute();
  return rows.map(({ leaf }) => leaf);
}

/** The enabling block of an epoch and a content: an epoch stands for one list of revoked leaves, so that its blocks can be kept. */
async function blockOf(scope: Scope, tree: KeyTree, epoch: number, contentId: Uint8Array): Promise<Uint8Array> {
  const name = `${toHex(tree.id)} ${String(epoch)} ${toHex(contentId)}`;
  const kept = blocks.get(name);
  if (kept !== undefined) return kept;
  const revoked = await revokedLeaves(scope.trx);
  const made = enablingBlock(
    tree,
    { epoch, content: contentId, mediaKey: mediaKey(tree, epoch, contentId), revoked },
    scope.authority.household.signer,
  );
  blocks.set(name, made);
  for (const old of blocks.keys()) {
    if (blocks.size <= KEPT) break;
    blocks.delete(old);
  }
  return made;
}
