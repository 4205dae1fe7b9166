import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.js";
import { ROLE_STORE } from "../../core/protocol/constants.js";
import type { Outgoing } from "../../host/outgoing.js";
import {
  FormBody,
  KeyBody,
  SendingBody,
  TerminalBody,
  answered,
  sendSigned,
  sentenceOf,
  signManifest,
  type AdvertBody,
} from "../api/delivery-messages.js";
import type { Answer } from "../../host/outgoing.js";
import type { FileStore } from "../catalog/files.js";
import type { Database } from "../db/database.js";
import type { DeliveryRow, OrderRow } from "../db/tables.js";
import type { DeviceAuthority, DeviceReference } from "../device-authority.js";
import { fromHex, toHex } from "../scope.js";
import { currentAdverts, withCustomer } from "./adverts.js";
import type { Selectable } from "kysely";

/** Adverts of the operator that come with an order. */
const ADVERTS = 4;

/** A delivery that is due, with all that is known about it. */
export interface Due {
  delivery: Selectable<DeliveryRow>;
  /** Tries before this one that failed, or whose outcome is not known. */
  before: number;
  order: Selectable<OrderRow> & { terminal_id: string; address: string };
  client: DeviceReference;
  clientRevoked: boolean;
  store: { id: string; address: string; generation: number; revoked_at: number | null };
}

/** What came of a try: done, on its way (look again after so many seconds), or an error. */
export type Outcome = { done: true; progress?: number } | { again: number; progress?: number } | { error: string };

/** What deliveries work with. */
export interface Means {
  db: Database;
  authority: DeviceAuthority;
  clock: Clock;
  outgoing: Outgoing;
  pictures: FileStore;
}

/** Seconds between two looks at a store that is sealing or sending. */
const LOOK = 1;
/** Milliseconds that a terminal may take to hand a key to its client, which may be playing. */
const PATIENCE = 15_000;

/** Tries one delivery. Never throws: what goes wrong is its outcome. */
export async function deliver(means: Means, due: Due): Promise<Outcome> {
  try {
    if (due.clientRevoked) return { error: `The terminal ${due.order.terminal_id} is revoked; nothing is sent to it.` };
    if (due.delivery.kind === "content") return await deliverContent(means, due);
    const foreign = await foreignTerminal(means, due);
    if (foreign !== null) return { error: foreign };
    return await (due.delivery.kind === "key" ? deliverKey(means, due) : deliverAdverts(means, due));
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function send(means: Means, method: string, address: string, body?: unknown): Promise<Answer> {
  return sendSigned(means.outgoing, means.authority.instructionSeed(), means.clock.now(), method, address, body, { timeout: PATIENCE });
}

/** Why nothing goes to whoever answers at the order's address; null when it is the terminal that was named. */
async function foreignTerminal(means: Means, { order, client }: Due): Promise<string | null> {
  const challenge = new Uint8Array(randomBytes(16));
  const answer = await send(means, "POST", `${order.address}/v1/terminal`, { challenge: toHex(challenge) });
  const terminal = answered(answer, TerminalBody);
  if (terminal === undefined)
    return `${order.address} answers with something else than a terminal${sentenceOf(answer) && `: ${sentenceOf(answer)}`} (${String(answer.status)}); check the address.`;
  if (terminal.id !== order.terminal_id)
    return `${order.address} is the terminal ${terminal.id}, not ${order.terminal_id}; nothing was sent.`;
  if (!means.authority.clients.verifyLicenseRequest(client, challenge, fromHex(terminal.nonce), fromHex(terminal.proof)))
    return `${order.address} says that it is the terminal ${terminal.id} and does not prove it; nothing was sent.`;
  return null;
}

async function deliverKey(means: Means, due: Due): Promise<Outcome> {
  const { authority } = means;
  const { order, client } = due;
  const address = `${order.address}/v1/orders/${order.id}/key`;
  const orderId = fromHex(order.id);
  const held = (answer: Answer): boolean => {
    const proof = answered(answer, KeyBody)?.proof;
    return typeof proof === "string" && authority.clients.verifyPeriodHeld(client, orderId, fromHex(proof));
  };
  // An earlier try may have arrived although its answer did not.
  if (due.before > 0 && held(await send(means, "GET", address))) return { done: true };
  const period = { orderId, contentId: fromHex(order.content_id), start: order.period_start, end: order.period_end };
  const answer = await send(means, "POST", address, {
    key: toHex(authority.clients.sealPeriodKey(client, period, authority.periodKey(orderId))),
  });
  if (held(answer)) return { done: true };
  return { error: refused(answer, "The terminal did not prove that its client has the key") };
}

function refused(answer: Answer, what: string): string {
  const sentence = sentenceOf(answer);
  return `${what}${sentence === "" ? "" : `: ${sentence.replace(/\.$/, "")}`} (${String(answer.status)}).`;
}

async function deliverContent(means: Means, due: Due): Promise<Outcome> {
  const { order, client, store } = due;
  const { authority } = means;
  if (store.revoked_at !== null) return { error: `The store ${store.id} was revoked; order anew.` };
  const form = await formOf(means, due);
  if ("again" in form || "error" in form) return form;
  const foreign = due.delivery.progress === 0 ? await foreignTerminal(means, due) : null;
  if (foreign !== null) return { error: foreign };
  const orderId = fromHex(order.id);
  const period = { orderId, contentId: fromHex(order.content_id), start: order.period_start, end: order.period_end };
  const stored = { header: fromHex(form.header), sealedLength: form.length, rate: form.rate };
  const titleKey = await titleKeyOf(means, order);
  const key = authority.openTitleKey(period.contentId, order.version, titleKey);
  const envelope = authority.clients.sealOrderEnvelope(client, period, authority.periodKey(orderId), stored, key);
  key.fill(0);
  const manifest = signManifest(authority.instructionSeed(), {
    orderId: order.id,
    contentId: order.content_id,
    terminalId: order.terminal_id,
    envelope: toHex(envelope),
    ...form,
  });
  // The instruction: item number and address, and what the terminal asks to see.
  const instruction = { orderId: order.id, contentId: order.content_id, version: order.version, address: order.address, manifest };
  const answer = await send(means, "POST", `${store.address}/v1/instructions`, instruction);
  const sending = answered(answer, SendingBody);
  if (sending === undefined) return { error: refused(answer, "The store did not take the instruction") };
  if (sending.state === "done") return { done: true, progress: form.length };
  if (sending.state === "failed") return { error: sending.error };
  return { again: LOOK, progress: sending.sent };
}

async function titleKeyOf(means: Means, order: Due["order"]): Promise<Uint8Array> {
  const { title_key } = await means.db
    .selectFrom("content_versions")
    .select("title_key")
    .where("content_id", "=", order.content_id)
    .where("version", "=", order.version)
    .executeTakeFirstOrThrow();
  return fromHex(title_key);
}

/** The content as the store has sealed it, under the title key that this gives to the store; the store takes a while for it, once. */
export async function formOf(
  means: Means,
  { order, store }: Pick<Due, "order" | "store">,
): Promise<FormBody | { again: number } | { error: string }> {
  const place = { store_id: store.id, content_id: order.content_id, version: order.version };
  const row = await means.db
    .selectFrom("store_forms")
    .selectAll()
    .where("store_id", "=", store.id)
    .where("content_id", "=", order.content_id)
    .where("version", "=", order.version)
    .executeTakeFirst();
  if (row !== undefined)
    return {
      header: row.header,
      length: row.sealed_length,
      rate: row.sample_rate,
      sha256: row.sha256,
      adverts: JSON.parse(row.adverts) as AdvertBody[],
    };
  const reference = { role: ROLE_STORE, id: fromHex(store.id), generation: store.generation };
  const titleKey = means.authority.titleKeyForStore(reference, fromHex(order.content_id), order.version, await titleKeyOf(means, order));
  const answer = await send(means, "POST", `${store.address}/v1/contents/${order.content_id}/sealing`, {
    version: order.version,
    titleKey: toHex(titleKey),
  });
  if (answer.status === 202) return { again: LOOK };
  const form = answered(answer, FormBody);
  if (form === undefined) return { error: refused(answer, "The store did not seal the content") };
  const targets = form.adverts.flatMap((advert) => advert.areas).map((area) => means.outgoing.refusalByName(area.address));
  const target = (await Promise.all(targets)).find((refusal) => refusal !== null);
  if (target) return { error: `The store attaches an advert that may not be delivered: ${target}` };
  await means.db
    .insertInto("store_forms")
    .values({
      ...place,
      header: form.header,
      sealed_length: form.length,
      sha256: form.sha256,
      sample_rate: form.rate,
      adverts: JSON.stringify(form.adverts),
      created_at: means.clock.now(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return form;
}

/** The operator's own adverts, one request each. */
async function deliverAdverts(means: Means, { order }: Due): Promise<Outcome> {
  const customer = order.agreed ? order.customer_id : null;
  for (const { id, mediaType, length, sha256, areas } of await currentAdverts(means.db, order.operator_id, order.content_id, ADVERTS)) {
    const picture = await means.pictures.whole(sha256);
    const answer = await send(means, "POST", `${order.address}/v1/orders/${order.id}/adverts`, {
      advert: {
        id,
        mediaType,
        length,
        sha256,
        areas: areas.map(({ address, ...area }) => ({ ...area, address: customer === null ? address : withCustomer(address, customer) })),
      },
      picture: picture.toString("base64"),
    });
    if (answer.status !== 200) return { error: refused(answer, "The terminal did not take an advert") };
  }
  return { done: true };
}
