import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ProblemError } from "../center/api/problems.js";
import { CenterAway } from "../center/client.js";
import { DeviceRefused } from "./devices.js";
import { choosingPage, escape, page, readersPage, returnPage, type Left } from "./pages.js";
import { NotPossible } from "./not-possible.js";
import type { RentalKiosk } from "./rental-kiosk.js";
import type { ReturnKiosk, ReturnView } from "./return-kiosk.js";

/** Longest form that a screen sends. */
const FORM_LIMIT = 4096;
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
};

type Form = URLSearchParams;
type Pages = Record<string, (form: Form) => Promise<string>>;

function indexOf(reader: string): number {
  if (!/^[0-9]$/.test(reader)) throw new NotPossible("The card has no such reader; choose another.");
  return Number(reader);
}

function rentalPages(kiosk: RentalKiosk): Pages {
  return {
    "GET /": async () => {
      const { choices, ...state } = await kiosk.choices();
      return choosingPage(choices, kiosk.catalog.currency, state);
    },
    "POST /rent": async (form) => {
      const content = form.get("content") ?? "";
      const chosen = form.get("reader");
      const readers = chosen === null ? await kiosk.readers() : [];
      if (readers.length > 1) return readersPage(kiosk.catalog.offer(content)?.content.title ?? "What you chose", content, readers);
      const { title } = await kiosk.rent(content, chosen === null || chosen === "any" ? undefined : indexOf(chosen));
      return page("Enjoy", `<p>“${escape(title)}” is on your cartridge. Take cartridge and card.</p><p><a href="/">Back</a></p>`);
    },
  };
}

function returnPages(kiosk: ReturnKiosk): Pages {
  const views = new Map<string, { view: ReturnView; left: Left }>();
  const thanks = (text: string): string => page("Thank you", `<p>${escape(text)}</p><p><a href="/">Back</a></p>`);
  const show = (id: string): string => {
    const kept = views.get(id);
    return kept === undefined ? thanks("This return is finished.") : returnPage(kept.view, kept.left);
  };
  const leave = (id: string, left: Partial<Left>, points: number | undefined): string => {
    const kept = views.get(id);
    if (kept !== undefined) kept.left = { ...kept.left, ...left, ...(points !== undefined && { points }) };
    return show(id);
  };
  return {
    "GET /": () =>
      Promise.resolve(page("Return", `<form method="post" action="/return"><button>Return what is in the slot</button></form>`)),
    "POST /return": async () => {
      const view = await kiosk.takeBack();
      // Whoever was here before has gone.
      views.clear();
      views.set(view.id, { view, left: { reserved: new Set() } });
      return show(view.id);
    },
    "POST /rate": async (form) => {
      const id = form.get("id") ?? "";
      const stars = Number(form.get("stars"));
      if (!Number.isInteger(stars) || stars < 1 || stars > 5) throw new NotPossible("A rating has one to five stars; choose one.");
      return leave(id, { stars }, await kiosk.rate(id, stars));
    },
    "POST /reserve": async (form) => {
      const id = form.get("id") ?? "";
      const content = form.get("content") ?? "";
      const points = await kiosk.reserve(id, content);
      return leave(id, { reserved: new Set(views.get(id)?.left.reserved).add(content) }, points);
    },
    "POST /pay": async (form) => {
      const id = form.get("id") ?? "";
      const loan = await kiosk.pay(id);
      views.delete(id);
      return thanks(loan?.state === "CLOSED" ? "The return is complete." : "Returned, unpaid. What is due stays on your account.");
    },
  };
}

async function formOf(request: IncomingMessage): Promise<Form> {
  let text = "";
  for await (const bytes of request) {
    text += String(bytes);
    if (text.length > FORM_LIMIT) throw new NotPossible("The form is too long; use the buttons of the page.");
  }
  return new URLSearchParams(text);
}

/** What the customer is told of a failure; nothing of what only the staff understands. */
function excuse(error: unknown): [number, string] {
  if (error instanceof NotPossible || error instanceof ProblemError) return [409, error.message];
  if (error instanceof CenterAway) return [503, "The center does not answer; try again later."];
  if (error instanceof DeviceRefused) return [409, "Cartridge or card did not accept this; take them out and put them in again."];
  // For the staff.
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return [500, "Something went wrong; take cartridge and card out and try again."];
}

async function answer(pages: Pages, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = `${request.method ?? ""} ${(request.url ?? "").split("?")[0]}`;
  const run = Object.hasOwn(pages, name) ? pages[name] : undefined;
  // A form of another site's page must not lend or return anything here.
  const foreign =
    request.method === "POST" && request.headers.origin !== undefined && request.headers.origin !== `http://${request.headers.host ?? ""}`;
  let status = 200;
  let text: string;
  try {
    if (run === undefined || foreign) [status, text] = [404, page("Not here", `<p>There is no such page.</p><p><a href="/">Back</a></p>`)];
    else text = await run(await formOf(request));
  } catch (error) {
    const [code, sentence] = excuse(error);
    [status, text] = [code, page("Sorry", `<p>${escape(sentence)}</p><p><a href="/">Back</a></p>`)];
  }
  response.writeHead(status, HEADERS);
  response.end(text);
}

function serve(pages: Pages, port: number): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => void answer(pages, request, response));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve({ server, url: `http://127.0.0.1:${String(typeof address === "object" && address !== null ? address.port : port)}` });
    });
  });
}

/** Serves the choosing screen of a rental kiosk, to its own display only. */
export function serveRentalScreen(kiosk: RentalKiosk, port: number): Promise<{ server: Server; url: string }> {
  return serve(rentalPages(kiosk), port);
}

/** Serves the screen of a return kiosk, to its own display only. */
export function serveReturnScreen(kiosk: ReturnKiosk, port: number): Promise<{ server: Server; url: string }> {
  return serve(returnPages(kiosk), port);
}
