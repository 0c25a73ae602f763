// @ts-check
/** Making things fail, to see them come right again. */

import { ask } from "./api.js";
import { announce, fill, h, icon } from "./dom.js";
import { broke, shop, state } from "./state.js";
import { words } from "./words.js";

/** @type {Record<keyof typeof words.faults, {icon: string, make: (phone: string) => Promise<any>}>} */
const FAULTS = {
  drop: { icon: "scissors", make: (phone) => ask("POST", "/faults/drop", { phone }) },
  unavailable: { icon: "stop", make: async (phone) => {
    await ask("POST", "/faults/refuse_login", { phone, reason: 503, times: 2 });
    await ask("POST", "/faults/stream_error", { phone, code: 503 });
  } },
  restart: { icon: "redo", make: () => ask("POST", "/faults/restart", { seconds: 5 }) },
  twice: { icon: "copies", make: (phone) => ask("POST", "/faults/duplicate_deliveries", { phone, times: 5 }) },
  crash: { icon: "plug", make: () => ask("POST", "/prosa/crash", { seconds: 2 }) },
};

/** @param {HTMLElement} place @param {boolean} open */
export function networkPanel(place, open) {
  const line = h("span", { class: "line", role: "status" });
  const told = h("p", { class: "told" });
  const row = h("div", { class: "faults" });
  const left = h("div", { class: "left" });
  const details = h("details", { open }, h("summary", {}, icon("bolt"), h("span", { class: "grow" }, words.network), line), row, told, left);
  fill(place, details);
  const buttons = Object.entries(FAULTS).map(([name, fault]) => {
    const [label, explained] = words.faults[/** @type {keyof typeof words.faults} */ (name)];
    const button = h("button", { type: "button", class: "fault", "data-fault": name, onclick: async () => {
      button.setAttribute("aria-busy", "true");
      say(explained);
      try {
        const made = fault.make(shop().number);
        broke();
        await made;
      } catch (error) {
        say(words.failed(/** @type {Error} */ (error).message));
      }
      button.removeAttribute("aria-busy");
    } }, icon(fault.icon), label);
    return button;
  });
  fill(row, buttons);

  /** @param {string} text */
  function say(text) {
    told.textContent = text;
    announce(text);
  }

  let shown = "";
  return () => {
    const world = state.world;
    if (!world) return;
    const linked = shop().devices.length > 0;
    const [kind, text] = !world.listening ? ["bad", words.networkDown]
      : world.prosa.length && !world.prosa.some((one) => one.running) ? ["bad", words.prosaDown]
      : !linked ? ["soft", words.lineNone]
      : shop().devices.some((one) => one.online) ? ["good", words.lineUp] : ["bad", words.lineDown];
    const facts = JSON.stringify([kind, text, world.faults.length, world.prosa.length, linked]);
    if (facts === shown) return;
    shown = facts;
    line.className = `line ${kind}`;
    fill(line, h("i", { class: "dot" }), text);
    for (const button of buttons) {
      button.hidden = button.dataset.fault === "crash" && !world.prosa.length;
      button.disabled = !linked && ["drop", "unavailable", "twice"].includes(button.dataset.fault);
    }
    fill(left, world.faults.length > 0 && [h("span", { class: "soft" }, words.waiting(world.faults.length)),
      h("button", { type: "button", class: "button quiet", onclick: () => ask("DELETE", "/faults").catch((error) => say(words.failed(error.message))) }, words.clear)]);
  };
}
