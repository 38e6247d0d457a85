// What the page looks like for a given state. It asks nobody and decides nothing; it builds elements, never HTML text,
// so a name that holds a tag is a name.

import { points, say, yuan } from "./api.js";

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";
function drawing(box, path, width) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", box);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  for (const [name, value] of Object.entries({
    d: path, fill: "none", stroke: "currentColor", "stroke-width": width, "stroke-linecap": "round",
    "stroke-linejoin": "round",
  })) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}
const bars = () => drawing("0 0 92 62",
  "M4 16V4h14M74 4h14v12M88 46v12H74M18 58H4V46M24 18v26M34 18v26M42 18v26M54 18v26M60 18v26M68 18v26", 4);
const tick = () => drawing("0 0 34 34", "M17 2a15 15 0 1 0 .01 0M10 17.5l5 5 9.5-10.5", 3);

export function showWords() {
  for (const part of document.querySelectorAll("[data-w]")) part.textContent = say(part.dataset.w);
  document.title = say("page.title");
}

// -- always in view -------------------------------------------------------------------------------

const NETWORK = { online: "", offline: "mind", network_off: "mind" };
const PRINTER = { printer_ready: "", printer_low: "mind", printer_none: "calm" };

function sign(id, kind, text) {
  const part = byId(id);
  part.className = `sign ${kind}`;
  part.lastElementChild.textContent = text;
  part.title = text;
}

export function showState(state, resolve) {
  byId("store").textContent = `${state.chain} · ${state.store}`;
  byId("till").textContent = state.till;
  byId("day").textContent = state.day.say;
  sign("network", NETWORK[state.network.key] ?? "mind", state.network.say);
  sign("unsynced", state.unsynced.count ? "calm" : "", state.unsynced.say);
  sign("printer", PRINTER[state.printer.key] ?? "stop", state.printer.say);
  const notices = [];
  if (!state.rules) notices.push(notice(state.rules_say));
  if (state.silent) notices.push(notice(state.silent));
  if (state.doubted) notices.push(notice(state.doubted));
  if (state.behind) notices.push(notice(state.behind));
  if (state.far) notices.push(notice(state.far));
  if (state.clock) notices.push(notice(state.clock));
  if (state.fault) notices.push(notice(state.fault));
  if (state.day.closed) notices.push(notice(say("page.why_no_day")));
  for (const scanner of state.scanners) if (!scanner.ok) notices.push(notice(scanner.say));
  for (const look of state.looks.slice(0, 2)) {
    notices.push(el("div", { class: "notice stop" },
      el("span", {}, el("strong", {}, `${say("page.paper")} ${look.number}`), ` ${look.say}`),
      el("button", { type: "button", onclick: () => resolve(look.job, true) }, say("page.printed")),
      el("button", { type: "button", onclick: () => resolve(look.job, false) }, say("page.not_printed"))));
  }
  byId("notices").replaceChildren(...notices);
}

export function showLost(text) {
  byId("notices").replaceChildren(notice(text, "stop"));
}

const notice = (text, kind = "") => el("div", { class: `notice ${kind}` }, el("span", {}, text));

// -- the member -----------------------------------------------------------------------------------

// Somebody who has just been enrolled buys next: the amount that is typed now is theirs.
export const isNew = (sale) => sale.done?.done === "member.enrol" && sale.member !== null;

function phonePart(sale, acts) {
  const { phone } = sale;
  if (sale.toPhone) {
    return [el("span", { class: "tag" }, say("receipt.waits_for_headquarters")),
      el("h1", { id: "phone" }, `${phone.slice(0, 3)} **** ${phone.slice(7)}`), el("p", { class: "quiet" }, say("page.phone_taken"))];
  }
  return [el("h1", { id: "phone" }, `${phone.slice(0, 3)} ${phone.slice(3, 7)} ${phone.slice(7)}`),
    el("div", { class: "offer" },
      el("button", { type: "button", class: "primary", id: "to-phone", onclick: acts.toPhone }, say("page.phone_earns"), el("kbd", {}, "Enter")),
      el("button", { type: "button", class: "second", id: "enrol-phone-now", onclick: acts.enrol }, say("page.enrol_title"), el("kbd", {}, "F4")))];
}

function seeking(sale) {
  return sale.seeking ? [el("p", { class: "quiet", id: "seeking" }, say("page.looking_up"))] : [];
}

export function showMember(sale, acts) {
  const place = byId("member");
  if (!sale.member) {
    place.className = "card idle";
    if (sale.phone) return place.replaceChildren(...phonePart(sale, acts), ...seeking(sale));
    if (sale.listed) {
      return place.replaceChildren(bars(), el("h1", {}, sale.listed.who), el("p", { id: "listed" }, sale.listed.points),
        el("p", { class: "quiet" }, sale.listed.say), ...seeking(sale));
    }
    const title = sale.who ? say("page.unknown_here") : say("page.welcome");
    place.replaceChildren(bars(), el("h1", {}, sale.who ? say("receipt.waits_for_headquarters") : title),
      el("p", { class: "quiet" }, sale.who ? title : say("page.welcome_hint")), ...seeking(sale));
    return;
  }
  const member = sale.member;
  place.className = "card";
  const facts = [];
  if (member.shown) facts.push(["", member.shown]);
  if (member.less_here) facts.push(["mind", say("page.only_here", { points: points(member.here) })]);
  if (member.debt) facts.push(["stop", say("page.debt", { points: points(member.debt) })]);
  if (member.pending) facts.push(["", say("page.pending", { points: `${member.pending > 0 ? "+" : ""}${points(member.pending)}` })]);
  if (member.expires) facts.push(["", member.expires]);
  place.replaceChildren(
    el("div", { class: "who" },
      el("span", { class: `tier t${member.tier}` }, member.tier_name),
      el("strong", {}, member.name || say("receipt.member_plain")),
      member.tail ? el("span", { class: "tail" }, `**** ${member.tail}`) : null,
      member.status_say ? el("span", { class: "tag" }, member.status_say) : null),
    el("div", { class: `number ${member.points > 999999 ? "long" : ""}` },
      el("b", { id: "points" }, points(member.points)), el("span", {}, say("page.points_unit"))),
    el("ul", { class: "facts" }, ...facts.map(([kind, text]) => el("li", { class: kind }, text))));
}

// -- the sale -------------------------------------------------------------------------------------

export function showSale(sale, acts) {
  const place = byId("sale");
  if (sale.done) place.replaceChildren(...donePart(sale, acts));
  else if (sale.quote) place.replaceChildren(...quotePart(sale, acts));
  else place.replaceChildren(...emptyPart(sale, acts));
}

function emptyPart(sale, acts) {
  if (!sale.last) return [el("h2", {}, say("page.preview")), el("p", { class: "quiet" }, say("page.no_receipt"))];
  return [el("h2", {}, `${say("page.preview")} ${sale.last.number}`), paper(sale.last.job)];
}

const paper = (job) => el("div", { class: "paper", tabindex: "0", role: "group", "aria-label": say("page.preview") },
  el("img", { src: `/api/paper/${job}`, alt: say("page.preview") }));

const line = (name, value, kind = "") => el("div", { class: kind }, el("span", {}, name), el("b", {}, value));

function quotePart(sale, acts) {
  const quote = sale.quote;
  const bill = el("div", { class: "bill" }, line(say("page.total"), yuan(sale.fen)));
  if (quote.points_used) {
    bill.append(line(`${say("page.will_use")} ${points(quote.points_used)} ${say("page.points_unit")}`, yuan(-quote.points_fen)));
  }
  bill.append(line(say("page.to_pay"), yuan(quote.due_fen), "due"));
  const waits = sale.who || sale.toPhone;
  const earns = sale.member !== null || waits;
  const gain = el("div", { class: `gain ${earns && quote.pts ? "" : "none"}` },
    el("div", {}, el("span", {}, say("page.will_earn")),
      el("b", { id: "gain" }, earns ? `${quote.pts ? "+" : ""}${points(quote.pts)} ${say("page.points_unit")}` : "—")),
    el("ul", { "aria-label": say("page.why") },
      ...(waits && quote.pts ? [say("page.earned_later")] : []), ...(earns ? quote.reasons : [say("page.why_no_redeem_member")]).map((reason) => el("li", {}, reason))));
  return [bill, gain, el("div", { class: "go" },
    el("button", { type: "button", class: "primary", id: "confirm", disabled: sale.busy, onclick: acts.confirm },
      say("page.confirm_sale"), el("kbd", {}, "Enter")))];
}

const TITLES = {
  "sale.earn": "page.done_sale", "redeem.cash": "page.done_redeem", "sale.refund": "page.done_refund",
  "sale.void": "page.done_void", "member.enrol": "page.done_enrol",
};

function donePart(sale, acts) {
  const done = sale.done;
  const moved = el("div", { class: "bill" });
  const add = (key, count, sign) => count && moved.append(
    line(say(key), `${sign}${points(count)} ${say("page.points_unit")}`));
  if (done.has_member || done.member_code || (done.waits && done.done === "sale.earn")) {
    add("receipt.earned", done.earned, "+");
    add("receipt.used", done.used, "-");
    add("receipt.clawed", done.clawed, "-");
    add("receipt.restored", done.restored, "+");
  }
  const later = done.done === "sale.earn" ? "page.earned_later" : "receipt.clawed_of_unknown";
  if (done.waits) moved.append(el("p", { class: "mind" }, say(later)));
  if (done.back_fen) moved.append(line(say("receipt.sale_refunded"), yuan(done.back_fen)));
  if (done.used_fen && !done.earned && done.done !== "sale.earn") moved.append(line(say("page.worth_money"), yuan(done.used_fen)));
  if (done.member_code) moved.append(el("div", { class: "given" }, done.member_code));
  const undo = ["sale.earn", "redeem.cash"].includes(done.done)
    ? el("button", { type: "button", class: "second", id: "undo", onclick: acts.undo }, say("page.undo")) : null;
  return [
    el("div", { class: "done-head", id: "done" }, tick(), el("span", {}, say(TITLES[done.done]))),
    moved, paper(done.job),
    el("div", { class: "go" },
      el("button", { type: "button", class: "primary", id: "next", onclick: acts.next }, say("page.next"), el("kbd", {}, "Enter")),
      undo ?? ""),
  ];
}

// -- the entry and the keys -----------------------------------------------------------------------

export function showEntry(sale) {
  const known = ((sale.member || sale.who || sale.toPhone) && !sale.done) || isNew(sale);
  const offered = sale.phone && !sale.toPhone;
  byId("entry-label").textContent = known || sale.quote ? say("page.amount") : say("page.scan_or_amount");
  byId("entry-hint").textContent = offered ? say("page.phone_hint") : sale.quote ? say("page.quoted_hint") : known ? say("page.amount_hint") : say("page.entry_hint");
}

export function showSaid(text, kind = "") {
  byId("said").textContent = text;
  byId("said").className = kind;
}

export function showKeys(keys) {
  byId("keys").replaceChildren(...keys.map((key) =>
    el("button", {
      type: "button", class: "fkey", id: `key-${key.code}`, "aria-disabled": key.why ? "true" : "false", onclick: key.press,
      title: key.why || undefined,
    }, el("kbd", {}, key.code), el("span", {}, say(key.word)), key.why ? el("small", {}, key.why) : null)));
}

let fading = 0;
export function toast(text) {
  const place = byId("toast");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => place.classList.remove("shown"), 2600);
}
