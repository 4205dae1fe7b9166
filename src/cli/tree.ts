import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { get32 } from "../core/bytes.js";
import {
  TREE_CONTENT,
  TREE_COUNT,
  TREE_EPOCH,
  TREE_HEAD,
  TREE_NOT_COVERED,
  TREE_OK,
  TREE_OLD,
  TREE_OTHER,
  TREE_SEAL,
  TREE_SIGNATURE,
  isTreeBlock,
  isTreeKeys,
  treeOpenFinish,
  treeOpenStart,
  treeOpenStep,
} from "../core/tree/tree.js";
import type { ReadBytes } from "../core/tree/tree.js";
import { blockMessage, blockSlice, enablingBlock, readBlock } from "../center/tree/block.js";
import type { BlockSigner } from "../center/tree/block.js";
import { removeClient } from "../center/api/household-routes.js";
import { leavesBelow, treeCover } from "../center/tree/cover.js";
import type { Subset, TreeScheme } from "../center/tree/cover.js";
import { clientKeys, mediaKey } from "../center/tree/keys.js";
import type { KeyTree } from "../center/tree/keys.js";
import { readState, revokeLeaves, schemeName, schemeOf, writeState } from "../center/tree/state.js";
import type { TreeState } from "../center/tree/state.js";
import { CENTER_OPTION, staffClient } from "./staff.js";

const BAD_INPUT = 2;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const REFUSALS: Record<number, string> = {
  [TREE_OTHER]: "the keys belong to another tree",
  [TREE_OLD]: "its epoch is older than the one already seen",
  [TREE_NOT_COVERED]: "its entry is for other leaves",
  [TREE_SIGNATURE]: "it is not signed by this signer, or was altered",
  [TREE_SEAL]: "the keys do not fit the tree's master",
};

function readInput(what: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${what}: cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Replaces `file` in one step, so that a cut leaves the old or the new one. */
function writeOutput(file: string, bytes: Uint8Array | string, mode: number): void {
  const fresh = `${file}.new`;
  try {
    writeFileSync(fresh, bytes, { mode });
    renameSync(fresh, file);
  } catch (error) {
    throw new Error(`cannot write ${file}: ${(error as Error).message}`);
  }
}

function readHex(what: string, text: string, length: number): Uint8Array {
  const digits = text.trim();
  if (!new RegExp(`^[0-9a-fA-F]{${2 * length}}$`).test(digits)) throw new Error(`${what}: expected ${2 * length} hex digits`);
  return new Uint8Array(Buffer.from(digits, "hex"));
}

function readTree(file: string): TreeState {
  return readState(readInput("tree file", file).toString("utf8"));
}

function withMaster(state: TreeState, keyFile: string): KeyTree {
  return { ...state, master: readHex(`key file ${keyFile}`, readInput("key file", keyFile).toString("latin1"), 32) };
}

/** Raw 32 bytes of an Ed25519 public key. Throws for other keys. */
function rawPublicKey(key: KeyObject, file: string): Uint8Array {
  if (key.asymmetricKeyType !== "ed25519")
    throw new Error(`signer ${file}: expected an Ed25519 key, got ${key.asymmetricKeyType ?? "none"}`);
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(12));
}

function parseKey(make: (pem: Buffer) => KeyObject, file: string): KeyObject {
  const pem = readInput("signer", file);
  try {
    return make(pem);
  } catch {
    throw new Error(`signer ${file}: expected a PEM file with an Ed25519 key; leyden tree create --signer makes one`);
  }
}

function readSigner(file: string): BlockSigner {
  const key = parseKey(createPrivateKey, file);
  return { publicKey: rawPublicKey(key, file), sign: (message) => new Uint8Array(sign(null, message, key)) };
}

/** Leaves from arguments such as 7 or 10-19. */
function readLeaves(texts: string[], depth: number): number[] {
  return texts.flatMap((text) => {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || from > to || to >= 2 ** depth)
      throw new Error(`leaf: expected a number or range from 0 to ${2 ** depth - 1}, such as 7 or 10-19, got ${text}`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function describe(depth: number, { node, except }: Subset): string {
  const range = (n: number): string => {
    const [first, last] = leavesBelow(depth, n);
    return first === last ? `leaf ${first}` : `leaves ${first}-${last}`;
  };
  return except === 0 ? `node ${node}: ${range(node)}` : `node ${node} without ${except}: ${range(node)} without ${range(except)}`;
}

function printHead(id: Uint8Array, scheme: TreeScheme, depth: number, epoch?: number): void {
  console.log(`tree ${hex(id)}, ${schemeName(scheme)}, ${2 ** depth} leaves${epoch === undefined ? "" : `, epoch ${epoch}`}`);
}

interface CreateOptions {
  key: string;
  signer?: string;
  depth: string;
  scheme: string;
  id?: string;
}

function create(file: string, options: CreateOptions): void {
  if (existsSync(file)) throw new Error(`tree file: ${file} exists already; name another one`);
  const depth = /^\d+$/.test(options.depth) ? Number(options.depth) : NaN;
  const id = options.id === undefined ? new Uint8Array(randomBytes(8)) : readHex("tree id", options.id, 8);
  const state: TreeState = { id, scheme: schemeOf(options.scheme), depth, epoch: 1, revoked: [] };
  treeCover(state.scheme, depth, []);
  if (existsSync(options.key)) withMaster(state, options.key);
  else writeOutput(options.key, `${hex(randomBytes(32))}\n`, 0o600);
  if (options.signer !== undefined && existsSync(options.signer)) readSigner(options.signer);
  else if (options.signer !== undefined)
    writeOutput(options.signer, generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }), 0o600);
  writeOutput(file, writeState(state), 0o644);
  printHead(id, state.scheme, depth, state.epoch);
}

function inspect(file: string): void {
  const bytes = readInput("tree file or block", file);
  if (bytes.length >= TREE_HEAD && isTreeBlock(bytes)) {
    const block = readBlock(bytes);
    printHead(block.id, block.scheme, block.depth, block.epoch);
    console.log(`enabling block of ${bytes.length} bytes, ${block.subsets.length} entries`);
    console.log(block.content.every((byte) => byte === 0) ? "for the whole epoch" : `for content ${hex(block.content)}`);
    console.log(`signer ${hex(block.signer)}`);
  } else if (bytes.length >= 20 && isTreeKeys(bytes)) {
    printHead(bytes.subarray(8, 16), bytes[5] as TreeScheme, bytes[6]);
    console.log(`key material of leaf ${get32(bytes, 16)}, ${(bytes.length - 20) / 32} keys, ${bytes.length} bytes`);
  } else {
    const state = readState(bytes.toString("utf8"));
    printHead(state.id, state.scheme, state.depth, state.epoch);
    console.log(`${state.revoked.length} revoked${state.revoked.length === 0 ? "" : `: ${state.revoked.join(" ")}`}`);
    console.log(`${treeCover(state.scheme, state.depth, state.revoked).length} entries in a block`);
  }
}

function cover(file: string): void {
  const state = readTree(file);
  for (const subset of treeCover(state.scheme, state.depth, state.revoked)) console.log(describe(state.depth, subset));
}

function revoke(file: string, texts: string[]): void {
  const state = readTree(file);
  const next = revokeLeaves(state, readLeaves(texts, state.depth));
  if (next !== state) writeOutput(file, writeState(next), 0o644);
  const changed = next.revoked.length - state.revoked.length;
  console.log(
    changed === 0
      ? `revoked already; still epoch ${state.epoch}`
      : `${changed} revoked, ${next.revoked.length} in all; epoch ${next.epoch}`,
  );
}

interface BlockOptions {
  key: string;
  signer: string;
  out: string;
  content: string;
}

async function block(file: string, options: BlockOptions): Promise<void> {
  const state = readTree(file);
  const tree = withMaster(state, options.key);
  const content = readHex("content id", options.content, 16);
  const parameters = { epoch: state.epoch, content, mediaKey: mediaKey(tree, state.epoch, content), revoked: state.revoked };
  const bytes = await enablingBlock(tree, parameters, readSigner(options.signer));
  writeOutput(options.out, bytes, 0o644);
  console.log(`${options.out}: epoch ${state.epoch}, ${get32(bytes, TREE_COUNT)} entries, ${bytes.length} bytes`);
}

function keys(file: string, text: string, options: { key: string; out: string }): void {
  const state = readTree(file);
  const [leaf, ...more] = readLeaves([text], state.depth);
  if (more.length > 0) throw new Error(`leaf: expected one, got ${text}`);
  if (state.revoked.includes(leaf)) throw new Error(`leaf: ${leaf} is revoked; give the client another one`);
  const bytes = clientKeys(withMaster(state, options.key), leaf);
  writeOutput(options.out, bytes, 0o600);
  console.log(`${options.out}: leaf ${leaf}, ${(bytes.length - 20) / 32} keys, ${bytes.length} bytes, secret`);
}

/** Opens as firmware does; answers why not, or null when the media key is in `out`. */
function openBlock(bytes: Uint8Array, material: Uint8Array, publicKey: Uint8Array, floor: number, out: Uint8Array): string | null {
  const read: ReadBytes = (offset, into) => {
    const enough = offset + into.length <= material.length;
    if (enough) into.set(material.subarray(offset, offset + into.length));
    return enough;
  };
  const slice = blockSlice(bytes, get32(material, 16));
  if (slice === null) return `leaf ${get32(material, 16)} is revoked`;
  let status = treeOpenStart(slice, read, publicKey, floor);
  if (status === TREE_OK) {
    while (!treeOpenStep());
    status = treeOpenFinish(out, read);
  }
  return status === TREE_OK ? null : (REFUSALS[status] ?? "block or keys are damaged");
}

interface RevokeFlags {
  client?: string;
  center: string;
  token?: string;
}

async function revokeAnywhere(file: string | undefined, leaves: string[], flags: RevokeFlags): Promise<void> {
  if (flags.client === undefined) {
    if (file === undefined || leaves.length === 0)
      throw new Error(`missing required argument '${file === undefined ? "tree" : "leaves"}'; or name a client of a center with --client`);
    revoke(file, leaves);
    return;
  }
  if (!/^[0-9a-f]{16}$/.test(flags.client)) throw new Error(`--client takes an id of 16 hex digits, got ${flags.client}`);
  if (file !== undefined || flags.token === undefined)
    throw new Error("--client goes with --token and without a tree file; the center keeps the tree");
  const { epoch } = await staffClient({ center: flags.center, token: flags.token }).call(removeClient, {
    params: { clientId: flags.client },
    body: {},
  });
  console.log(`client ${flags.client} opens nothing that is issued from epoch ${epoch} on`);
}

function open(file: string, options: { keys: string; signer: string; floor: string }): void {
  const bytes = readInput("block", file);
  const material = readInput("keys", options.keys);
  const publicKey = parseKey(createPublicKey, options.signer);
  const floor = /^\d+$/.test(options.floor) ? Number(options.floor) : NaN;
  const out = new Uint8Array(32);
  if (!(floor <= 0xffffffff)) throw new Error(`floor: expected a whole number from 0 to 4294967295, got ${options.floor}`);
  if (material.length < 20 || !isTreeKeys(material))
    throw new Error(`keys ${options.keys}: expected key material of a leaf; leyden tree keys makes it`);
  readBlock(bytes);
  const { message, signature } = blockMessage(bytes);
  const raw = rawPublicKey(publicKey, options.signer);
  const refusal = verify(null, message, publicKey, signature) ? openBlock(bytes, material, raw, floor, out) : REFUSALS[TREE_SIGNATURE];
  if (refusal !== null) {
    console.log(`refused: ${refusal}`);
    process.exitCode = 1;
    return;
  }
  const content = bytes.subarray(TREE_CONTENT, TREE_CONTENT + 16);
  const fingerprint = createHash("sha256").update(out).digest("hex").slice(0, 16);
  console.log(
    `opened by leaf ${get32(material, 16)}: epoch ${get32(bytes, TREE_EPOCH)}, content ${hex(content)}, media key fingerprint ${fingerprint}`,
  );
}

/** Turns whatever the action throws into one line and exit code 2. */
function guarded<A extends unknown[]>(command: Command, action: (...args: A) => void | Promise<void>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      command.error(`leyden tree: ${(error as Error).message}`, { exitCode: BAD_INPUT });
    }
  };
}

/** `leyden tree`: key trees on files. Wrong usage and bad input end in one line and exit code 2, a block that does not open in exit code 1. */
export function treeCommand(): Command {
  const tree = new Command("tree").description("key trees: revoke clients, make enabling blocks");
  tree.exitOverride((error: CommanderError) => process.exit(error.exitCode === 0 ? 0 : BAD_INPUT));
  const key = ["--key <file>", "file with the tree's master key, 64 hex digits"] as const;
  const add = (usage: string, description: string): Command => tree.command(usage).description(description);
  add("create <tree>", "create a tree file; key files that do not exist are made")
    .requiredOption(...key)
    .option("--signer <file>", "Ed25519 private key that signs blocks, PEM")
    .option("--depth <n>", "2^n clients, n from 1 to 24", "20")
    .option("--scheme <name>", "complete-subtree (few keys in a client) or subset-difference (small blocks)", "complete-subtree")
    .option("--id <hex>", "tree id, 16 hex digits; drawn at random otherwise")
    .action(guarded(tree, create));
  add("inspect <file>", "say what is in a tree file, an enabling block or a client's key material").action(guarded(tree, inspect));
  add("cover <tree>", "list the sets of leaves that a block would have entries for").action(guarded(tree, cover));
  add("revoke [tree] [leaves...]", "revoke leaves of a tree file, such as 7 or 10-19, or a client of a center's, from the next epoch on")
    .option("--client <id>", "a client that the center knows, instead of a tree file")
    .option(...CENTER_OPTION)
    .option("--token <file>", "with --client: file with a staff token of that center")
    .action(guarded(tree, revokeAnywhere));
  add("block <tree>", "make the enabling block of this epoch")
    .requiredOption(...key)
    .requiredOption("--signer <file>", "Ed25519 private key, PEM")
    .requiredOption("--out <file>", "where the block goes")
    .option("--content <hex>", "content id, 32 hex digits; zeros for the whole epoch", "0".repeat(32))
    .action(guarded(tree, block));
  add("keys <tree> <leaf>", "make the key material of one client, secret")
    .requiredOption(...key)
    .requiredOption("--out <file>", "where the key material goes")
    .action(guarded(tree, keys));
  add("open <block>", "open a block as a client does")
    .requiredOption("--keys <file>", "the client's key material")
    .requiredOption("--signer <file>", "Ed25519 public or private key of the signer, PEM")
    .option("--floor <epoch>", "newest epoch that the client has seen", "0")
    .action(guarded(tree, open));
  return tree;
}
