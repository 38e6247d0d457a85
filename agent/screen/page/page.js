// The counter: one entry line for everything, one sale at a time. Scan, amount, Enter, Enter.

import * as api from "./api.js";
import { say, stopped } from "./api.js";
import * as dialogs from "./dialogs.js";
import * as view from "./view.js";
import { byId } from "./view.js";

const fresh = () => ({ member: null, who: "", listed: null, phone: "", toPhone: false, earnsOnly: false, fen: 0, points: 0, quote: null, act: "", done: null, busy: false });

let sale = fresh();
let last = null;
let state = null;
let source = null;
const acts = { confirm, undo, next, toPhone, enrol: () => enrol() };

// -- showing --------------------------------------------------------------------------------------

function show() {
  sale.last = last;
  view.showMember(sale, acts);
  view.showSale(sale, acts);
  view.showEntry(sale);
  view.showKeys(keys());
}

function keys() {
  const closed = state?.day.closed ? say("state.day_is_closed") : state && !state.rules ? say("page.why_no_rules") : "";
  return [
    { code: "F2", word: "page.key_redeem", press: redeem, why: closed || whyNoRedeem() },
    { code: "F3", word: "page.key_refund", press: () => refund(), why: closed },
    { code: "F4", word: "page.key_enrol", press: enrol, why: closed },
    { code: "F6", word: "page.key_reprint", press: reprint, why: "" },
    { code: "F9", word: "page.key_day", press: closeDay, why: closed },
    { code: "F10", word: "page.key_manager", press: openManager, why: "" },
  ];
}

function whyNoRedeem() {
  if (!sale.member) return say("page.why_no_redeem_member");
  return sale.member.why_no_redeem;
}

function begin(member, { who = "", listed = null, phone = "", earnsOnly = false } = {}) {
  const kept = sale.quote && !sale.done ? sale.fen : 0;
  sale = { ...fresh(), member, who, listed, phone, earnsOnly };
  byId("entry").value = "";
  view.showSaid("");
  show();
  byId("entry").focus();
  if (kept) quote(kept, 0);
}

function next() {
  begin(null);
}

// -- what was scanned or typed --------------------------------------------------------------------

export function heard(told) {
  if (dialogs.hear(told)) return;
  if (stopped(told)) return view.showSaid(told.say);
  meant(told);
}

function meant(told) {
  if (told.found === "sale" || told.found === "elsewhere") return refund(told);
  if (sale.done) sale = fresh();
  if (told.found === "unknown") {
    begin(null, { who: told.who, listed: told.listed });
    view.showSaid(told.say, "mind");
    return lookUp(told.code);
  }
  if (told.found === "phone") {
    begin(null, { phone: told.phone });
    view.showSaid(told.say, "mind");
    return lookUp(told.phone);
  }
  begin(told.card, { earnsOnly: told.earns_only });
}

// Whoever is not known here may be known at headquarters. Nobody waits for that: the sale goes on meanwhile.
async function lookUp(text) {
  if (state?.network.key !== "online") return;
  const asking = sale;
  const isOpen = () => sale === asking && !sale.done && !sale.busy && !document.querySelector("dialog[open]");
  const showSeeking = (seeking) => { asking.seeking = seeking; if (sale === asking) view.showMember(sale, acts); };
  showSeeking(true);
  const told = await api.post("/api/look-up", { text }).catch(() => ({ found: "unanswered", say: "" }));
  showSeeking(false);
  if (!isOpen()) return;
  if (told.found === "member") begin(told.card, { earnsOnly: told.earns_only });
  else if (told.found !== "unanswered") view.showSaid(told.say, "mind");
}

async function enter(event) {
  event.preventDefault();
  const text = byId("entry").value.trim();
  if (sale.busy) return;
  if (!text) {
    if (sale.done) next();
    else if (sale.phone && !sale.toPhone) toPhone();
    else if (sale.quote) confirm();
    return;
  }
  byId("entry").value = "";
  const fen = api.fenOf(text);
  if (sale.done) sale = { ...fresh(), member: fen !== null && view.isNew(sale) ? sale.member : null };
  if (fen !== null && sale.phone) sale.toPhone = true;
  if (fen !== null) await quote(fen, sale.quote ? sale.points : 0);
  else heard(await attempt(() => api.post("/api/scan", { text })));
}

// Points go to a phone that nobody knows here. An amount that is typed below the offer means the same.
function toPhone() {
  sale.toPhone = true;
  view.showSaid("");
  show();
  byId("entry").focus();
}

async function quote(fen, points) {
  view.showSaid("");
  if (state?.day.closed) return view.showSaid(say("page.why_no_day"));
  const told = await attempt(() => api.post("/api/quote", { m: sale.member?.m ?? null, fen, points }));
  if (stopped(told)) return view.showSaid(told.say);
  sale.fen = fen;
  sale.points = points;
  sale.quote = told;
  sale.act = api.newAct();
  show();
  byId("entry").focus();
}

// -- acts -----------------------------------------------------------------------------------------

async function confirm() {
  if (sale.busy || !sale.quote || sale.done) return;
  if (sale.phone && !sale.toPhone) return toPhone();
  const { act, fen, phone } = sale;
  if (phone) return once(() => api.post("/api/sell-to-phone", { act, fen, phone }));
  const asked = { m: sale.member?.m ?? null, who: sale.who, fen, points: sale.points, act };
  await once(() => withPin((pin) => api.post("/api/sell", { ...asked, pin })));
}

async function undo() {
  if (!sale.done || !(await dialogs.sure(say("page.undo"), say("page.undo_question")))) return;
  const asked = { sale: sale.done.op, act: api.newAct() };
  await once(() => withPin((pin) => api.post("/api/void", { ...asked, pin })));
}

// An act that is under way greys its button; the id of the act stays, so a second try is the same act.
async function once(act) {
  sale.busy = true;
  show();
  const told = await attempt(act).finally(() => { sale.busy = false; });
  if (told === null || stopped(told)) {
    view.showSaid(told?.say ?? "");
    show();
    return false;
  }
  finished(told);
  return true;
}

function finished(told) {
  const phone = told.waits && told.done === "sale.earn" ? sale.phone : "";
  sale = { ...fresh(), member: told.card ?? null, phone, toPhone: phone !== "", done: told };
  last = told;
  byId("entry").value = "";
  view.showSaid("");
  show();
  byId("entry").focus();
}

async function withPin(ask) {
  const told = await ask("");
  if (!["manager_needed", "pin_wrong"].includes(told.no)) return told;
  return dialogs.pin(told.say, (pin) => attempt(() => ask(pin)));
}

async function attempt(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof api.Locked) return { no: "locked", say: say("state.page_locked") };
    if (error instanceof api.Lost) return { no: "lost", say: say("state.page_lost") };
    if (error instanceof api.Failed) return { fault: "failed", say: say("state.page_failed") };
    throw error;
  }
}

async function redeem() {
  const why = keys()[0].why;
  if (why) return view.showSaid(why, "mind");
  if (sale.done) begin(sale.member);
  const bill = sale.quote ? sale.fen : null;
  const count = await dialogs.points(sale.member, state.redeem, bill);
  if (count === null) return byId("entry").focus();
  if (bill !== null) return quote(bill, count);
  const asked = { m: sale.member.m, points: count, act: api.newAct() };
  await once(() => withPin((pin) => api.post("/api/redeem", { ...asked, pin })));
}

async function refund(found = null) {
  const why = keys()[1].why;
  if (why) return view.showSaid(why, "mind");
  const told = await dialogs.refund(found, withPin, attempt);
  if (told) finished(told);
  byId("entry").focus();
}

async function enrol() {
  const why = keys()[2].why;
  if (why) return view.showSaid(why, "mind");
  const told = await dialogs.enrol(attempt, sale.done ? "" : sale.phone);
  if (told?.no) {
    meant(told);
    view.showSaid(told.say, "mind");
  } else if (told) finished(told);
  byId("entry").focus();
}

async function reprint() {
  const told = await attempt(() => api.post("/api/reprint", { op: sale.done?.op ?? last?.op ?? null }));
  view.toast(stopped(told) ? told.say : say("state.job_queued"));
}

async function resolve(job, printed) {
  await attempt(() => api.post("/api/resolve", { job, printed }));
}

async function closeDay() {
  if (await dialogs.closeDay(state, attempt)) next();
}

async function openManager() {
  await dialogs.manager(() => state, withPin, attempt);
  byId("entry").focus();
}

// -- keys and the stream --------------------------------------------------------------------------

function pressed(event) {
  if (!state || document.querySelector("dialog[open]")) return;
  const key = keys().find((one) => one.code === event.key);
  if (key) {
    event.preventDefault();
    key.press();
  } else if (event.key === "Escape") {
    event.preventDefault();
    back();
  } else if (document.activeElement !== byId("entry") && event.key.length === 1 && !event.ctrlKey && !event.altKey) {
    byId("entry").focus();
  } else if (event.key === "Enter" && [document.body, null].includes(document.activeElement)) {
    byId("ask").requestSubmit();
  }
}

function back() {
  view.showSaid("");
  if (sale.done || !sale.quote) return next();
  sale.quote = null;
  sale.points = 0;
  byId("entry").value = api.plainYuan(sale.fen);
  show();
  byId("entry").focus();
}

function told(now) {
  const before = state;
  state = now;
  view.showState(state, resolve);
  if (before?.day.closed !== now.day.closed) view.showSaid(""); // what was said of the day is not so any more
  const moved = before?.network.key !== now.network.key || before?.day.closed !== now.day.closed || before?.rules !== now.rules;
  if (moved) refreshCard();
}

// What may be used here depends on the network; a card that is open is asked again when it changes.
async function refreshCard() {
  if (sale.member) {
    const answer = await attempt(() => api.get(`/api/card/${sale.member.m}`));
    if (answer?.card && sale.member?.m === answer.card.m) sale.member = answer.card;
  }
  show();
}

function connect() {
  source?.close();
  delete document.body.dataset.listening;
  source = api.listen({
    state: told, scan: heard,
    found: () => { document.body.dataset.listening = "yes"; view.showState(state, resolve); },
    lost: () => { delete document.body.dataset.listening; view.showLost(say("state.page_lost")); },
  });
}

async function changeLanguage() {
  api.speak(api.currentLanguage() === "zh" ? "en" : "zh");
  await api.loadWords();
  view.showWords();
  connect();
  await refreshCard();
  if (sale.quote && !sale.done) await quote(sale.fen, sale.points);
  byId("entry").focus();
}

async function start() {
  byId("ask").addEventListener("submit", enter);
  byId("language").addEventListener("click", changeLanguage);
  document.addEventListener("keydown", pressed);
  try {
    await api.openSession();
    state = await api.get("/api/state");
  } catch (error) {
    const text = error instanceof api.Locked
      ? "请从桌面的“积分收银”重新打开本页 · Open this page again from the desktop" : "收银程序没有回应 · The program does not answer";
    view.showLost(text);
    if (!(error instanceof api.Locked)) setTimeout(start, 1000);
    return;
  }
  view.showWords();
  view.showState(state, resolve);
  show();
  connect();
  byId("entry").focus();
}

start();
