// What stands in front of the page for a moment: each is a question with one answer, given by a promise.

import * as api from "./api.js";
import { points as number, say, stopped, yuan } from "./api.js";
import { stick } from "./stick.js";
import { byId, el, toast } from "./view.js";

let listening = null; // the open dialog that understands scans

export function hear(told) {
  if (!document.querySelector("dialog[open]")) return false;
  listening?.(told);
  return true;
}

// Opens a dialog with the parts that `build(answer)` makes; resolves with what `answer` is given, null when it is left.
function ask(id, kind, build) {
  return new Promise((resolve) => {
    const dialog = byId(id);
    dialog.onclose?.(); // the browser tells later that it was closed, and may do so after it is open again
    let given = null;
    const answer = (value) => { given = value; dialog.close(); };
    dialog.className = kind;
    listening = null;
    dialog.replaceChildren(build(answer));
    dialog.onclose = () => {
      if (dialog.open) return;
      dialog.onclose = null;
      dialog.replaceChildren();
      const open = document.querySelector("dialog[open]");
      if (!open) listening = null;
      // The browser gave the focus back while the page behind was still inert: Chromium then shows the caret
      // and loses the keys. Taking the focus away first makes the next focus() a real one.
      document.activeElement?.blur();
      // Another question may be open by now: its own first answer is meant, not the first button that stands there.
      const next = ["[autofocus]", ":is(input, .primary, .second)"].map((part) => open?.querySelector(part));
      next.find((part) => part)?.focus();
      resolve(given);
    };
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
    dialog.querySelector("[autofocus]")?.select?.();
  });
}

const buttons = (yes, answer, attributes = {}) => el("div", { class: "buttons" },
  el("button", { type: "button", class: "second", onclick: () => answer(null) }, say("page.esc"), el("kbd", {}, "Esc")),
  el("button", { type: "submit", class: "primary", ...attributes }, yes, el("kbd", {}, "Enter")));

const complaint = () => el("p", { class: "stop-said", role: "alert" });

function form(submit, ...parts) {
  const made = el("form", { autocomplete: "off" }, ...parts);
  made.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  return made;
}

export function sure(title, question) {
  return ask("sure-dialog", "narrow", (answer) => form(() => answer(true),
    el("h2", { id: "sure-title" }, title), el("p", {}, question), buttons(say("page.confirm"), answer, { autofocus: true })));
}

export function points(member, rate, billFen) {
  const share = billFen === null ? Infinity : Math.floor(billFen * rate.pts / rate.fen);
  const most = Math.min(member.usable, share) - (Math.min(member.usable, share) % rate.step);
  return ask("points-dialog", "narrow", (answer) => {
    const said = complaint();
    const worth = el("b", {});
    const field = el("input", { id: "points-entry", inputmode: "numeric", maxlength: "9", value: String(most), autofocus: true });
    const count = () => (/^\d{1,9}$/.test(field.value) ? Number(field.value) : 0);
    const shown = () => {
      worth.textContent = yuan(Math.floor(count() * rate.fen / rate.pts));
      said.textContent = count() > member.usable ? say("page.usable_is", { points: number(member.usable) }) : "";
    };
    field.addEventListener("input", shown);
    shown();
    return form(() => (count() > 0 ? answer(count()) : field.select()),
      el("h2", { id: "points-title" }, billFen === null ? say("page.redeem") : say("page.use_here")),
      el("label", {}, `${say("page.points_to_use")} · ${say("page.usable_is", { points: number(member.usable) })}`, field),
      el("div", { class: "worth" }, el("span", {}, say("page.worth_money")), worth), said,
      buttons(billFen === null ? say("page.confirm_redeem") : say("page.confirm"), answer));
  });
}

// The manager's PIN for one act: asks again while it is wrong, gives the act's own answer.
export async function pin(why, attempt) {
  const told = await ask("pin-dialog", "narrow", (answer) => {
    const said = complaint();
    said.textContent = why;
    const field = el("input", { id: "pin", type: "password", inputmode: "numeric", maxlength: "12", autocomplete: "off", autofocus: true });
    return form(async () => {
      const told = await attempt(field.value || "0");
      if (!["pin_wrong", "manager_needed"].includes(told.no)) return answer(told);
      said.textContent = told.say;
      field.value = "";
      field.focus();
    }, el("h2", { id: "pin-title" }, say("page.pin_title")), el("label", {}, say("page.pin"), field), said,
    buttons(say("page.pin_ok"), answer));
  });
  return told ?? { no: "manager_needed", say: why };
}

export function enrol(attempt, typed = "") {
  const act = api.newAct();
  return ask("enrol-dialog", "", (answer) => {
    const said = complaint();
    const field = (id, word, more = {}) => [el("input", { id, maxlength: "32", autocomplete: "off", ...more }), say(word)];
    const [phone, phoneWord] = field("enrol-phone", "page.phone", { inputmode: "numeric", maxlength: "11", value: typed, autofocus: true });
    const [name, nameWord] = field("enrol-name", "page.name");
    const [card, cardWord] = field("enrol-card", "page.card");
    listening = (told) => {
      said.textContent = stopped(told) ? told.say : told.card ? say("page.card_taken") : "";
      if (told.code) card.value = told.code;
    };
    return form(async () => {
      const told = await attempt(() => api.post("/api/enrol", {
        act, phone: phone.value.trim(), name: name.value.trim(), card: card.value.trim(),
      }));
      if (stopped(told) && !told.found) said.textContent = told.no === "not_understood" ? say("page.phone_shape") : told.say;
      else answer(told); // a refusal that found the phone's member goes on with that member
    }, el("h2", { id: "enrol-title" }, say("page.enrol_title")), el("p", { class: "quiet" }, say("page.enrol_hint")),
    el("label", {}, phoneWord, phone), el("div", { class: "row" }, el("label", {}, nameWord, name), el("label", {}, cardWord, card)),
    said, buttons(say("page.confirm_enrol"), answer));
  });
}

export function closeDay(state, attempt) {
  return ask("day-dialog", "narrow", (answer) => {
    const said = complaint();
    return form(async () => {
      const told = await attempt(() => api.post("/api/day/close", {}));
      if (stopped(told)) { said.textContent = told.say; return; }
      answer(told);
      toast(`${say("page.day_done")} · ${told.say}`);
    }, el("h2", { id: "day-title" }, `${say("page.day_title")} · ${state.day.say}`), el("p", {}, say("page.day_question")), said,
    buttons(say("page.day_title"), answer, { autofocus: true }));
  });
}

export function manager(stateNow, withPin, attempt) {
  return ask("manager-dialog", "", (answer) => {
    const state = stateNow();
    const said = el("p", { role: "status", class: "quiet" });
    const facts = (state) => [
      ["page.network", state.network.say], ["page.unsynced_word", state.unsynced.say], ["page.last_contact", state.last_contact],
      ["page.as_of", state.as_of], ["page.members_known", number(state.members)], ["page.pool_left", number(state.pool)],
      ["page.recorded_count", number(state.operations)], ["page.printer", state.printer.say],
    ].flatMap(([word, value]) => [el("dt", {}, say(word)), el("dd", {}, value)]);
    const rows = el("dl", {}, ...facts(state));
    const press = (id, word, path, act) => el("button", {
      type: "button", class: "second", id,
      onclick: async () => {
        said.textContent = "…";
        const told = await attempt(act ?? (() => api.post(path)));
        said.textContent = told.say ?? say("page.done_sale");
        const now = await attempt(() => api.get("/api/state"));
        if (!stopped(now)) rows.replaceChildren(...facts(now));
      },
    }, say(word));
    const choices = el("div", { class: "choices" },
      press("contact-now", "page.contact_now", "/api/contact"), press("night-now", "page.night_now", "/api/night"),
      press("print-test", "page.test_print", "/api/print-test"));
    choices.append(el("button", { type: "button", class: "second", id: "by-stick", onclick: () => stick(attempt) }, say("page.stick")));
    const openDay = async () => {
      const told = await withPin((pin) => api.post("/api/day/open", { pin }));
      if (!stopped(told)) byId("open-day")?.remove();
      return told;
    };
    if (state.day.closed) choices.append(press("open-day", "page.open_day", "", openDay));
    return el("div", { class: "inside" }, el("h2", { id: "manager-title" }, `${say("page.manager_title")} · ${say("page.state_title")}`),
      rows, choices, said,
      el("div", { class: "buttons one" }, el("button", { type: "button", class: "second", onclick: () => answer(true) },
        say("page.close"), el("kbd", {}, "Esc"))));
  });
}

export { refund } from "./refund.js";
export { ask, buttons, complaint, form };
export function onScan(heard) { listening = heard; }
