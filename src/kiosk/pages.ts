/** What the screens of kiosks show, as HTML. */
import type { Choice } from "./catalog.js";
import type { ReturnView } from "./return-kiosk.js";

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

export function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>
<style>body{font:1.2rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:48rem;padding:0 1rem;color:#1c2430;background:#f6f5f1}h1{font-size:2rem;margin:0 0 1rem}
h2{font-size:1.2rem;margin:2rem 0 .5rem}ul{list-style:none;margin:0;padding:0}li{background:#fff;border:1px solid #d8d5cc;border-radius:.5rem;margin:.5rem 0;padding:.75rem 1rem;
display:grid;grid-template-columns:1fr auto;align-items:center;gap:0 1rem}li small{color:#5a6270;grid-column:1}li button{grid-column:2;grid-row:1/span 3}
button{font:inherit;min-height:3rem;padding:.3rem 1.2rem;border:0;border-radius:.4rem;background:#1f5c4d;color:#fff;cursor:pointer}button:focus-visible{outline:.2rem solid #d98e04}
.stars button{background:#fff;color:#8a5a00;border:1px solid #d8d5cc}li strong{grid-column:2;grid-row:1/span 3;color:#1f5c4d}p.stars{color:#8a5a00;margin:0}.due{font-size:1.4rem}.note{border-left:.3rem solid #d98e04;padding-left:1rem}.recommended::before{content:"★ ";color:#8a5a00}</style><h1>${escape(title)}</h1>${body}</html>`;
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
export function choosingPage(
  choices: Choice[],
  currency: string,
  { centerAnswers, cartridge }: { centerAnswers: boolean; cartridge: boolean },
): string {
  const notes = [
    ...(centerAnswers ? [] : ["The center does not answer: you can look, but not rent, until it does."]),
    ...(cartridge ? [] : ["Put your card and a cartridge into the slots, then choose."]),
    ...(choices.length > 0 ? [] : ["There is nothing to borrow here yet."]),
  ]
    .map((note) => `<p class="note">${note}</p>`)
    .join("");
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

/** Which of the readers whose certificates the card carries shall play; their ids are printed on them. */
export function readersPage(title: string, contentId: string, readers: string[]): string {
  const id = (reader: string): string => reader.replace(/.{4}(?=.)/g, "$& ");
  const lines = readers.map(
    (reader, index) => `<li><span>Reader ${id(reader)}</span><button name="reader" value="${String(index)}">Choose</button></li>`,
  );
  return page(
    "Which reader shall play it?",
    `<p>“${escape(title)}” will play there only, or on any reader.</p><form method="post" action="/rent"><input type="hidden" name="content" value="${contentId}">
<ul>${lines.join("")}<li><span>Any reader</span><button name="reader" value="any">Choose</button></li></ul></form><p><a href="/">Back</a></p>`,
  );
}

/** What a customer has left with a return. */
export interface Left {
  stars?: number;
  reserved: Set<string>;
  /** All the customer's points, as the center last said; undefined while it has not. */
  points?: number;
}

const pointsOf = (points: number): string => `You have ${String(points)} ${points === 1 ? "point" : "points"}.`;

/** The return screen: what is due, and what the customer may leave. */
export function returnPage(view: ReturnView, left: Left): string {
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
        `<li><span>${escape(title)}</span>${left.reserved.has(contentId) ? "<strong>Reserved</strong>" : `<button name="content" value="${contentId}">Reserve</button>`}<small>${escape(reason)}</small></li>`,
    );
  const reserve =
    wishes.length === 0 ? "" : `<h2>You may like</h2><form method="post" action="/reserve">${id}<ul>${wishes.join("")}</ul></form>`;
  const nothing = view.loan?.due === 0;
  const rate =
    left.stars === undefined
      ? `<h2>How was it?</h2><form class="stars" method="post" action="/rate">${id}${stars}</form>`
      : `<h2>Thank you</h2><p class="stars">${"★".repeat(left.stars)}${"☆".repeat(5 - left.stars)}</p>`;
  const points = left.points === undefined ? "" : `<p>${pointsOf(left.points)}</p>`;
  return page(
    "Return",
    `${due}<form method="post" action="/pay">${id}<button>${nothing ? "Finish" : "Pay"}</button></form>${rate}${points}${reserve}`,
  );
}
