// @ts-check
/** What there is to do, and what of it is done. */

import { fill, h, icon } from "./dom.js";
import { shops, state } from "./state.js";
import { words } from "./words.js";

/** @returns {boolean[]} which steps are done, seen by what happened */
function done() {
  const linked = shops().some((phone) => phone.devices.length > 0);
  const messages = [...state.screens.values()].flatMap((screen) => [...screen.messages.values()]);
  const answered = messages.some((one) => one.direction === "in");
  const spoke = messages.findIndex((one) => one.direction === "out" && one.media?.voice);
  const heard = spoke >= 0 && messages.slice(spoke).some((one) => one.direction === "in");
  return [linked || answered || Boolean(state.world?.codes.length) || shops().some((phone) => phone.asked_for_code), linked, answered, heard, state.broke];
}

/** @param {HTMLElement} place */
export function guide(place) {
  const list = h("ol", { class: "steps" });
  const text = h("p", { class: "step-text", role: "status" });
  fill(place, list, text);
  let shown = "";
  return () => {
    if (!state.live) {
      text.textContent = state.world ? words.lost : "";
      text.classList.toggle("bad", Boolean(state.world));
      shown = "";
      return;
    }
    const marks = done();
    const facts = marks.join();
    if (facts === shown) return;
    shown = facts;
    const next = marks.indexOf(false);
    text.classList.remove("bad");
    fill(list, words.steps.map(([name], at) =>
      h("li", { class: marks[at] ? "done" : at === next ? "next" : "", "aria-current": at === next ? "step" : null },
        h("span", { class: "step-mark", "aria-hidden": "true" }, marks[at] ? icon("check") : String(at + 1)), name,
        marks[at] && h("span", { class: "unseen" }, ` (${words.done})`))));
    fill(text, next < 0 ? words.finished : [h("strong", {}, words.step(next + 1, words.steps.length), ". "), words.steps[next][1]]);
  };
}
