import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ProblemError } from "../center/api/problems.js";
import { CenterAway } from "../center/client.js";
import type { Choice } from "./catalog.js";
import { DeviceRefused } from "./devices.js";
import { NotPossible, type RentalKiosk } from "./rental-kiosk.js";
import type { ReturnKiosk, ReturnView } from "./return-kiosk.js";

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
/** Longest form that a screen sends. */
const FORM_LIMIT = 4096;
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>
<style>body{font:1.2rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:48rem;padding:0 1rem;color:#1c2430;background:#f6f5f1}h1{font-size:2rem;margin:0 0 1rem}
h2{font-size:1.2rem;margin:2rem 0 .5rem}ul{list-style:none;margin:0;padding:0}li{background:#fff;border:1px solid #d8d5cc;border-radius:.5rem;margin:.5rem 0;padding:.75rem 1rem;
display:grid;grid-template-columns:1fr auto;align-items:center;gap:0 1rem}li small{color:#5a6270;grid-column:1}li button{grid-column:2;grid-row:1/span 3}
button{font:inherit;min-height:3rem;padding:.3rem 1.2rem;border:0;border-radius:.4rem;background:#1f5c4d;color:#fff;cursor:pointer}button:focus-visible{outline:.2rem solid #d98e04}
.stars button{background:#fff;color:#8a5a00;border:1px solid #d8d5cc}.due{font-size:1.4rem}.note{border-left:.3rem solid #d98e04;padding-left:1rem}.recommended::before{content:"★ ";color:#8a5a00}</style><h1>${escape(title)}</h1>${body}</html>`;
}

/** An amount in minor units, as people read it. */
export function money(amount: number, currency: string): string {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
}

/** A length of time, in the largest units that say it exactly: day, 36 hours, minute, 90 seconds. */
export function period(seconds: number): string {
  const units: [string, number][] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ];
  const [name, length] = units.find((unit) => seconds % unit[1] === 0) ?? units[3];
  const number = seconds / length;
  return number === 1 ? name : `${String(number)} ${name}s`;
}

function price({ offer: { tariff } }: Choice, currency: string): string {
  if (tariff === null) return "free";
  const cap = tariff.cap === null ? "" : `, at most ${money(tariff.cap, currency)}`;
  return `${money(tariff.base, currency)} and ${money(tariff.periodPrice, currency)} for each ${period(tariff.periodSeconds)} begun${cap}`;
}

/** The choosing screen: what the cartridge recommends first, then everything else. */
export function choosingPage(choices: Choice[], currency: string, centerAnswers: boolean): string {
  const notes = centerAnswers ? "" : `<p class="note">The center does not answer: you can look, but not rent, until it does.</p>`;
  const line = (choice: Choice): string => {
    const { id, title, description } = choice.offer.content;
    const button = centerAnswers ? `<button name="content" value="${id}">Rent</button>` : "";
    const mark = choice.recommended === null ? "" : ` class="recommended"`;
    return `<li data-content="${id}"><span${mark}>${escape(title)}</span>${button}<small>${escape(price(choice, currency))}</small><small>${escape(description)}</small></li>`;
  };
  const recommended = choices.filter((choice) => choice.recommended !== null);
  const others = choices.filter((choice) => choice.recommended === null);
  const list = (heading: string, part: Choice[]): string =>
    part.length === 0 ? "" : `<h2>${heading}</h2><ul>${part.map(line).join("")}</ul>`;
  return page(
    "Choose what to borrow",
    `${notes}<form method="post" action="/rent">${list("Recommended for you", recommended)}${list("All titles", others)}</form>`,
  );
}

/** The return screen: what is due, and what the customer may leave. */
export function returnPage(view: ReturnView): string {
  const id = `<input type="hidden" name="id" value="${view.id}">`;
  const due =
    view.loan !== undefined
      ? `<p class="due">“${escape(view.loan.title)}” is back. ${view.loan.due > 0 ? `${money(view.loan.due, view.loan.currency)} is due.` : "Nothing is due."}</p>`
      : view.estimate !== undefined
        ? `<p class="due">“${escape(view.estimate.title)}” is back. The center does not answer; about ${money(view.estimate.amount, view.estimate.currency)} will be due.</p>`
        : "<p>The loan is back. The center does not answer; what is due will be told later.</p>";
  const stars = [1, 2, 3, 4, 5]
    .map((n) => `<button name="stars" value="${String(n)}" aria-label="${String(n)} of 5 stars">${"★".repeat(n)}</button>`)
    .join(" ");
  const wishes = view.recommendations
    .slice(0, 10)
    .map(
      ({ contentId, title, reason }) =>
        `<li><span>${escape(title)}</span><button name="content" value="${contentId}">Reserve</button><small>${escape(reason)}</small></li>`,
    );
  const reserve =
    wishes.length === 0 ? "" : `<h2>You may like</h2><form method="post" action="/reserve">${id}<ul>${wishes.join("")}</ul></form>`;
  const nothing = view.loan?.due === 0;
  return page(
    "Return",
    `${due}<form method="post" action="/pay">${id}<button>${nothing ? "Finish" : "Pay"}</button></form><h2>How was it?</h2><form class="stars" method="post" action="/rate">${id}${stars}</form>${reserve}`,
  );
}

type Form = URLSearchParams;
type Pages = Record<string, (form: Form) => Promise<string>>;

function rentalPages(kiosk: RentalKiosk): Pages {
  return {
    "GET /": async () => {
      const { choices, centerAnswers } = await kiosk.choices();
      return choosingPage(choices, kiosk.catalog.currency, centerAnswers);
    },
    "POST /rent": async (form) => {
      const { title } = await kiosk.rent(form.get("content") ?? "");
      return page("Enjoy", `<p>“${escape(title)}” is on your cartridge. Take cartridge and card.</p><p><a href="/">Back</a></p>`);
    },
  };
}

function returnPages(kiosk: ReturnKiosk): Pages {
  const views = new Map<string, ReturnView>();
  const thanks = (text: string): string => page("Thank you", `<p>${escape(text)}</p><p><a href="/">Back</a></p>`);
  const show = (id: string): string => {
    const view = views.get(id);
    return view === undefined ? thanks("This return is finished.") : returnPage(view);
  };
  return {
    "GET /": () =>
      Promise.resolve(page("Return", `<form method="post" action="/return"><button>Return what is in the slot</button></form>`)),
    "POST /return": async () => {
      const view = await kiosk.takeBack();
      views.set(view.id, view);
      return returnPage(view);
    },
    "POST /rate": async (form) => {
      const id = form.get("id") ?? "";
      const stars = Number(form.get("stars"));
      if (!Number.isInteger(stars) || stars < 1 || stars > 5) throw new NotPossible("A rating has one to five stars; choose one.");
      await kiosk.rate(id, stars);
      return show(id);
    },
    "POST /reserve": async (form) => {
      const id = form.get("id") ?? "";
      await kiosk.reserve(id, form.get("content") ?? "");
      return show(id);
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
