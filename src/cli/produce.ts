import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, extname } from "node:path";
import { Command } from "commander";
import * as admin from "../center/api/admin-routes.js";
import { createContent } from "../center/api/catalog-routes.js";
import { setHouseholdPrice } from "../center/api/household-routes.js";
import type { CenterClient } from "../center/client.js";
import { sampleRate } from "../center/contents.js";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../core/protocol/constants.js";
import { BadInput } from "./bad-input.js";
import { showProgress } from "./progress.js";
import { CENTER_OPTION, TOKEN_OPTION, staffClient, type StaffFlags } from "./staff.js";
import { whole } from "./options.js";

const CUSTODIES: Record<string, number> = { cartridge: CUSTODY_CARTRIDGE, card: CUSTODY_CARD, split: CUSTODY_SPLIT };
const PICTURES: Record<string, string> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
};
const DAY = 86_400;
const MOST = 1_000_000_000;

interface ProduceFlags extends StaffFlags {
  title?: string;
  type: string;
  description: string;
  producer: string;
  picture: string[];
  copies?: number;
  operator?: string;
  days: number;
  custody: string;
  base?: number;
  perDay: number;
  cap?: number;
  lost: number;
  license?: number;
  copy: number;
}

/** `leyden produce FILE`: packages any file, and hands it to the center. */
export function produceCommand(): Command {
  return new Command("produce")
    .description("package any file with title, type and pictures, and hand it to the center, which seals it in both suites")
    .argument("<file>", "the content")
    .requiredOption(...TOKEN_OPTION)
    .option(...CENTER_OPTION)
    .option("--title <text>", "title (default: the file's name)")
    .option("--type <media type>", "type, as audio/wav", "application/octet-stream")
    .option("--description <text>", "what the choosing screen says of it", "")
    .option("--producer <name>", "who made it", "unknown")
    .option("--picture <file>", "a picture; may be given several times", (file: string, before: string[]) => [...before, file], [])
    .option("--copies <number>", "how many may be lent at a time (default: any number)", whole("--copies", 1, 1_000_000))
    .option("--operator <name>", "also offer it for lending, by the operator of that name")
    .option("--days <number>", "length of such a loan", whole("--days", 1, 365), 7)
    .option("--custody <where>", "who holds its key: cartridge, card, split", "cartridge")
    .option("--base <amount>", "price of a loan in minor units; without it lending is free", whole("--base", 0, MOST))
    .option("--per-day <amount>", "and for each day begun", whole("--per-day", 0, MOST), 0)
    .option("--cap <amount>", "together at most", whole("--cap", 0, MOST))
    .option("--lost <amount>", "price of a lost cartridge", whole("--lost", 0, MOST), 0)
    .option("--license <amount>", "price of a license for a reader of one's own", whole("--license", 0, MOST))
    .option("--copy <amount>", "and of a copy certificate, by which it moves", whole("--copy", 0, MOST), 0)
    .action(produce);
}

async function produce(file: string, flags: ProduceFlags): Promise<void> {
  const length = sizeOf(file);
  const pictures = flags.picture.map((path) => {
    const mediaType = PICTURES[extname(path).toLowerCase()];
    if (mediaType === undefined) throw new BadInput(`${path} is no picture; name files that end in ${Object.keys(PICTURES).join(", ")}.`);
    sizeOf(path);
    return { path, mediaType };
  });
  if (!Object.hasOwn(CUSTODIES, flags.custody))
    throw new BadInput(`--custody takes ${Object.keys(CUSTODIES).join(", ")}, not ${flags.custody}.`);
  const client = staffClient(flags);
  const operatorId = flags.operator === undefined ? undefined : await operatorNamed(client, flags.operator);
  const { id } = await client.call(createContent, {
    body: {
      title: flags.title ?? basename(file),
      type: flags.type,
      description: flags.description,
      producer: flags.producer,
      copies: flags.copies ?? null,
    },
  });
  for (const suite of [1, 2]) {
    const query = `sampleRate=${String(rateOf(file))}&sha256=${await hashOf(file)}`;
    await client.put(
      `/v1/contents/${id}/sealed/1/${String(suite)}?${query}`,
      "application/octet-stream",
      showProgress(`suite ${String(suite)}`, createReadStream(file), length),
    );
  }
  for (const [number, { path, mediaType }] of pictures.entries())
    await client.put(`/v1/contents/${id}/pictures/${String(number)}`, mediaType, one(readFileSync(path)));
  if (operatorId !== undefined) await offer(client, operatorId, id, flags);
  if (operatorId !== undefined && flags.license !== undefined)
    await client.call(setHouseholdPrice, {
      params: { contentId: id },
      body: { operatorId, licensePrice: flags.license, copyPrice: flags.copy },
    });
  console.log(`The center has ${flags.title ?? basename(file)} as content ${id}.`);
}

function sizeOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new BadInput(`There is no file ${file}; name one that exists.`);
  if (!found.isFile()) throw new BadInput(`${file} is not a file; name one.`);
  return found.size;
}

function rateOf(file: string): number {
  const start = new Uint8Array(44);
  const input = openSync(file, "r");
  const length = readSync(input, start);
  closeSync(input);
  return sampleRate(start.subarray(0, length));
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(file)) hash.update(bytes as Uint8Array);
  return hash.digest("hex");
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Id of the operator of that name. */
export async function operatorNamed(client: CenterClient, name: string): Promise<string> {
  const operators = await client.call(admin.listOperators, {});
  const found = operators.find((operator) => operator.name === name);
  if (found === undefined)
    throw new BadInput(
      `There is no operator ${name}; take one in with leyden operator, or name ${operators.map((operator) => operator.name).join(", ") || "it then"}.`,
    );
  return found.id;
}

async function offer(client: CenterClient, operatorId: string, contentId: string, flags: ProduceFlags): Promise<void> {
  const params = { operatorId };
  const tariff = {
    name: flags.title ?? "",
    base: flags.base ?? 0,
    periodPrice: flags.perDay,
    periodSeconds: DAY,
    cap: flags.cap ?? null,
    graceSeconds: 3 * DAY,
    lostPrice: flags.lost,
  };
  const tariffId =
    flags.base === undefined
      ? null
      : (await client.call(admin.createTariff, { params, body: { ...tariff, name: tariff.name || "usual" } })).id;
  await client.call(admin.setOffer, {
    params,
    body: {
      contentId,
      tariffId,
      custody: CUSTODIES[flags.custody],
      durationSeconds: flags.days * DAY,
      plays: 0,
      windowSeconds: 0,
      totalSeconds: 0,
      readers: 0,
    },
  });
}
