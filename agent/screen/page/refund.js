// Goods that come back: find the sale, choose what returns, see what it does to the points, confirm.

import * as api from "./api.js";
import { points as number, say, stopped, yuan } from "./api.js";
import { ask, buttons, complaint, form, onScan } from "./dialogs.js";
import { el } from "./view.js";

export function refund(found, withPin, attempt) {
  return ask("refund-dialog", "wide", (answer) => {
    const place = el("div", { class: "inside" });
    const said = complaint();
    const show = (told) => {
      if (stopped(told)) return told.say;
      const part = told.found === "elsewhere" ? another : chosen;
      const next = part(told, answer, withPin, attempt);
      place.replaceWith(next);
      next.querySelector("[autofocus]")?.focus(); // at once: a key that is pressed in between would be lost
      return "";
    };
    const find = async (text) => show(await attempt(() => api.post("/api/find", { text })));
    const field = el("input", { id: "find-sale", maxlength: "600", autocomplete: "off", autofocus: true });
    place.append(form(async () => { said.textContent = field.value.trim() ? await find(field.value.trim()) : ""; field.select(); },
      el("h2", { id: "refund-title" }, say("page.refund")), el("label", {}, say("page.find_sale"), field), said,
      buttons(say("page.find"), answer)));
    const heard = async (told) => {
      if (told.found === "sale") said.textContent = await find(told.sale);
      else said.textContent = told.found === "elsewhere" ? await find(told.claim) : told.say ?? say("page.find_sale");
    };
    onScan(heard);
    if (found) setTimeout(() => heard(found), 0);
    return place;
  });
}

// A sale that this till never saw, while headquarters cannot help: only money per group is known from its paper.
function another(paper, answer, withPin, attempt) {
  onScan(null);
  const act = api.newAct();
  const said = complaint();
  const money = el("b", { id: "back" }, yuan(0));
  const rows = paper.groups.map((group) => ({
    group, field: el("input", { inputmode: "decimal", maxlength: "10", value: "0", "aria-label": say("page.fen") }),
  }));
  rows[0]?.field.setAttribute("autofocus", "");
  const groups = () => rows.map(({ group, field }) => [group.rate, api.fenOf(field.value || "0") ?? 0]).filter((part) => part[1]);
  const changed = () => {
    said.textContent = "";
    money.textContent = yuan(groups().reduce((sum, part) => sum + part[1], 0));
  };
  for (const { field } of rows) {
    field.addEventListener("input", changed);
    field.addEventListener("focus", () => field.select());
  }
  const all = () => {
    for (const { group, field } of rows) field.value = api.plainYuan(group.left_fen);
    changed();
    rows[0]?.field.focus(); // Enter confirms, whoever came by mouse
  };
  async function submit() {
    if (!groups().length) { said.textContent = say("page.refund_lines"); return; }
    const asked = { act, claim: paper.claim, groups: groups() };
    const told = await attempt(() => withPin((pin) => api.post("/api/refund-elsewhere", { ...asked, pin })));
    if (stopped(told)) said.textContent = told.say;
    else answer(told);
  }
  const head = el("tr", {}, el("th", {}, say("page.goods")), el("th", { class: "n" }, say("page.elsewhere_left")),
    el("th", { class: "n" }, say("page.fen")));
  return form(submit,
    el("h2", { id: "refund-title" }, say("page.elsewhere_title", { number: paper.number })),
    el("p", { class: "quiet" }, paper.tail ? `${paper.day} · **** ${paper.tail}` : paper.day),
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows.map(({ group, field }) => el("tr", {},
      el("td", {}, group.goods), el("td", { class: "n" }, yuan(group.left_fen)), el("td", { class: "n" }, field))))),
    el("button", { type: "button", class: "second", id: "whole", onclick: all }, say("page.whole_sale")),
    el("div", { class: "outcome two" }, el("div", {}, say("page.goods_value"), money),
      el("div", { class: "told" }, say("page.elsewhere_hint"))),
    said, buttons(say("page.confirm_refund"), answer));
}

function chosen(sale, answer, withPin, attempt) {
  onScan(null);
  const act = api.newAct();
  const said = complaint();
  const claw = el("b", {}, "0"), restore = el("b", {}, "0"), money = el("b", {}, yuan(0));
  const rows = sale.lines.map((line) => new Row(line, () => requote()));
  rows[0]?.field.setAttribute("autofocus", "");
  let asking = 0;
  const lines = () => rows.map((row) => row.value()).filter((line) => line[1] || line[2]);

  async function requote() {
    const mine = ++asking;
    said.textContent = "";
    if (!lines().length) return shown({ claw: 0, restore: 0, fen: 0 });
    const told = await attempt(() => api.post("/api/return", { sale: sale.sale, lines: lines() }));
    if (mine !== asking) return;
    if (stopped(told)) said.textContent = told.say;
    else shown(told);
  }
  function shown(told) {
    claw.textContent = number(told.claw);
    restore.textContent = number(told.restore);
    money.textContent = yuan(told.fen);
  }
  async function submit() {
    if (!lines().length) { said.textContent = say("page.refund_lines"); return; }
    const asked = { act, sale: sale.sale, lines: lines() };
    const told = await attempt(() => withPin((pin) => api.post("/api/refund", { ...asked, pin })));
    if (stopped(told)) said.textContent = told.say;
    else answer(told);
  }
  const head = el("tr", {}, el("th", {}, say("page.goods")), el("th", { class: "n" }, say("page.bought")),
    el("th", { class: "n" }, say("page.units")), el("th", { class: "n" }, say("page.fen")));
  return form(submit,
    el("h2", { id: "refund-title" }, sale.origin ? say("page.elsewhere_title", { number: sale.origin })
      : `${say("page.refund")} · ${sale.receipt || say("page.paper")}`),
    el("p", { class: "quiet" }, sale.origin ? `${sale.day} · ${say("page.elsewhere_exact")}` : sale.day),
    el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows.map((row) => row.element)))),
    el("button", { type: "button", class: "second", id: "whole", onclick: () => { rows.forEach((row) => row.all()); requote(); rows[0]?.field.focus(); } },
      say("page.whole_sale")),
    el("div", { class: "outcome" },
      el("div", {}, say("page.goods_value"), money), el("div", {}, say("receipt.clawed"), claw),
      el("div", {}, say("receipt.restored"), restore)),
    said, buttons(say("page.confirm_refund"), answer));
}

// One line of the sale. A part of a single thing is money without units; all units are all that is left of its money.
class Row {
  constructor(line, changed) {
    this.line = line;
    this.units = el("input", { class: "units", inputmode: "numeric", maxlength: "6", value: "0", "aria-label": say("page.units") });
    this.money = el("input", { inputmode: "decimal", maxlength: "10", value: "0", "aria-label": say("page.fen") });
    this.units.addEventListener("input", () => { this.fromUnits(); changed(); });
    this.money.addEventListener("input", changed);
    for (const field of [this.units, this.money]) field.addEventListener("focus", () => field.select());
    const name = line.category === "all" ? say("page.whole_goods") : line.category;
    this.element = el("tr", {}, el("td", {}, name), el("td", { class: "n" }, `${line.units} · ${yuan(line.fen)}`),
      el("td", { class: "n" }, this.units), el("td", { class: "n" }, this.money));
  }
  fromUnits() {
    const units = Math.min(/^\d+$/.test(this.units.value) ? Number(this.units.value) : 0, this.line.rest_units);
    const { rest_units: all, rest_fen: fen } = this.line;
    this.money.value = api.plainYuan(units && all ? Math.floor(fen * units / all) : 0);
  }
  all() {
    this.units.value = String(this.line.rest_units);
    this.money.value = api.plainYuan(this.line.rest_fen);
  }
  value() {
    const units = /^\d{1,6}$/.test(this.units.value) ? Number(this.units.value) : 0;
    return [this.line.line, units, api.fenOf(this.money.value || "0") ?? 0];
  }
  get field() { return this.line.rest_units > 1 ? this.units : this.money; }
}
