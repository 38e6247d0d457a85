// The exchange with headquarters by stick: which stick, what was carried, and what to do next.

import * as api from "./api.js";
import { say, stopped } from "./api.js";
import { ask } from "./dialogs.js";
import { el } from "./view.js";

export function stick(attempt) {
  return ask("stick-dialog", "", (answer) => {
    const said = el("div", { role: "status", class: "stick-said" });
    const places = el("div", { class: "choices" });
    const tell = (...lines) => said.replaceChildren(...lines.map((line) => el("p", {}, line)));
    const exchange = async (folder) => {
      tell("…");
      for (const button of places.children) button.disabled = true;
      const told = await attempt(() => api.post("/api/stick", { folder }));
      tell(...(told.lines ?? [told.say]));
      for (const button of places.children) button.disabled = false;
    };
    const look = async () => {
      const told = await attempt(() => api.get("/api/sticks"));
      const found = stopped(told) ? [] : told.sticks;
      tell(found.length ? say("page.stick_ready") : told.say ?? say("page.stick_none"));
      places.replaceChildren(...found.map((one) => el("button", {
        type: "button", class: "primary", onclick: () => exchange(one.folder),
      }, `${say("page.stick_start")} · ${one.name}`)));
    };
    look();
    return el("div", { class: "inside" }, el("h2", { id: "stick-title" }, say("page.stick_title")), places, said,
      el("div", { class: "buttons one" }, el("button", { type: "button", class: "second", onclick: () => answer(true) },
        say("page.close"), el("kbd", {}, "Esc"))));
  });
}
