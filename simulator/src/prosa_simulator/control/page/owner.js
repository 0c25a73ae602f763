// @ts-check
/** The shop owner's phone: linked devices, and linking one. */

import { ask } from "./api.js";
import { announce, face, fill, h, icon, iconButton } from "./dom.js";
import { people, phoneNumber, state, take } from "./state.js";
import { words } from "./words.js";

/** @typedef {import("./state.js").Phone} Phone */

/**
 * @param {string} number
 * @returns {{element: HTMLElement, update: (phone: Phone) => void}}
 */
export function ownerScreen(number) {
  /** @type {"devices" | "scan" | "linked"} */
  let view = "devices";
  /** @type {Phone} */
  let phone;
  let shown = "";
  const body = h("div", { class: "owner" });
  const element = h("div", { class: "app" }, body);

  /** @param {"devices" | "scan" | "linked"} next @param {string} [focus] */
  function go(next, focus) {
    view = next;
    draw();
    const target = /** @type {HTMLElement | null} */ (body.querySelector(focus ?? "h2"));
    target?.focus();
  }

  /** @param {string} path @param {any} what @param {HTMLElement} problem @param {HTMLButtonElement} button */
  async function link(path, what, problem, button) {
    const label = button.textContent;
    problem.textContent = "";
    button.disabled = true;
    button.textContent = words.scanning;
    try {
      await ask("PUT", `/phones/${number}`, { name: phone.name });
      await ask("POST", `/phones/${number}/${path}`, what);
      announce(words.linkedNow);
      go("linked");
    } catch (error) {
      problem.textContent = words.failed(/** @type {Error} */ (error).message);
    } finally {
      button.disabled = false;
      button.textContent = label;
    }
  }

  function devices() {
    return [
      h("header", { class: "app-head" }, face(phone.name, true),
        h("div", {}, h("h2", { tabindex: -1 }, phone.name), h("p", {}, phoneNumber(phone.number)))),
      phone.asked_for_code && h("button", { type: "button", class: "notice", onclick: () => go("scan", "[name=code]") },
        icon("key"), words.asked),
      h("section", { class: "owner-main" },
        h("div", { class: "owner-picture", "aria-hidden": "true" }, icon("laptop"), icon("qr")),
        h("h3", {}, words.linkedDevices),
        h("p", { class: "soft" }, words.linkedIntro),
        h("button", { type: "button", class: "button wide", onclick: () => go("scan") }, words.linkDevice)),
      phone.devices.length
        ? h("ul", { class: "devices" }, phone.devices.map(device))
        : h("p", { class: "soft middle" }, words.noDevices),
    ];
  }

  /** @param {Phone["devices"][number]} one */
  function device(one) {
    const name = one.platform || words.device;
    const row = h("li", {}, h("span", { class: "device-icon" }, icon("laptop")),
      h("div", { class: "grow" }, h("strong", {}, name),
        h("p", { class: one.online ? "good" : "soft" }, h("i", { class: "dot" }), one.online ? words.active : words.inactive)),
      h("button", { type: "button", class: "button quiet", "aria-label": `${words.removeDevice}: ${name}`,
        onclick: () => sure() }, words.removeDevice));
    const sure = () => {
      const problem = h("p", { class: "problem", role: "alert" });
      const yes = h("button", { type: "button", class: "button danger", onclick: async () => {
        try {
          await ask("DELETE", `/phones/${number}/devices/${one.number}`);
        } catch (error) {
          problem.textContent = words.failed(/** @type {Error} */ (error).message);
        }
      } }, words.removeDevice);
      fill(row, h("div", { class: "grow" }, h("p", {}, words.removeSure), problem, h("div", { class: "actions" }, yes,
        h("button", { type: "button", class: "button quiet", onclick: () => draw() }, words.cancel))));
      yes.focus();
    };
    return row;
  }

  function scan() {
    const problem = h("p", { class: "problem", role: "alert" });
    const code = h("input", { name: "code", id: "code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false",
      maxlength: 12, placeholder: "XXXX-XXXX", required: true, class: "code" });
    const qr = h("textarea", { name: "qr", id: "qr", rows: 2, spellcheck: "false", required: true, placeholder: "https://wa.me/…#2@…" });
    const seen = Boolean(state.world?.codes.length);
    const asked = phone.asked_for_code && !seen;
    /** @param {SubmitEvent} event @param {string} path @param {any} what */
    const submit = (event, path, what) => {
      event.preventDefault();
      const button = /** @type {HTMLButtonElement} */ (/** @type {Element} */ (event.target).querySelector("button"));
      link(path, what, problem, button);
    };
    const byCode = h("form", { class: asked && "typed", onsubmit: (/** @type {SubmitEvent} */ event) => submit(event, "code", { code: code.value }) },
      h("label", { for: "code" }, words.typeCode), h("p", { class: "soft" }, words.typeCodeHelp(phoneNumber(phone.number))),
      h("div", { class: "row" }, code, h("button", { class: "button" }, words.typeCodeGo)), asked && problem);
    const finder = [
      h("div", { class: `finder ${seen ? "finder-seen" : ""}`, "aria-hidden": "true" }, h("i"), icon("qr")),
      h("p", { class: "middle finder-says", role: "status" }, seen ? words.scanReady : words.scanNone),
      seen && h("button", { type: "button", class: "button wide", onclick: (/** @type {Event} */ event) =>
        link("scan", { qr: state.world?.codes[0] }, problem, /** @type {HTMLButtonElement} */ (event.currentTarget)) },
        words.scanConsole),
      problem,
    ];
    return [
      h("header", { class: "app-head" }, iconButton("back", words.cancel, () => go("devices")),
        h("h2", { tabindex: -1, class: "grow" }, asked ? words.typeCode : words.scanTitle)),
      asked ? byCode : finder,
      h("details", { class: "others", open: !state.world?.prosa.length },
        h("summary", {}, words.otherWays),
        !asked && byCode,
        h("form", { onsubmit: (/** @type {SubmitEvent} */ event) => submit(event, "scan", { qr: qr.value.trim() }) },
          h("label", { for: "qr" }, words.pasteQr),
          h("div", { class: "row" }, qr, h("button", { class: "button" }, words.pasteQrGo)))),
    ];
  }

  function linked() {
    const first = people()[0];
    return [
      h("header", { class: "app-head" }, iconButton("close", words.close, () => go("devices")), h("span", { class: "grow" })),
      h("section", { class: "owner-main owner-linked" },
        h("div", { class: "owner-picture owner-good", "aria-hidden": "true" }, icon("check")),
        h("h2", { tabindex: -1 }, words.linkedNow),
        h("p", { class: "soft" }, words.linkedNext),
        first && h("button", { type: "button", class: "button wide", onclick: () => {
          view = "devices";
          take(first.number);
        } }, words.takeCustomer(first.name)),
        h("button", { type: "button", class: "button quiet", onclick: () => go("devices") }, words.linkedDevices)),
    ];
  }

  function draw() {
    fill(body, view === "scan" ? scan() : view === "linked" ? linked() : devices());
  }

  return {
    element,
    update(next) {
      phone = next;
      const facts = JSON.stringify([next, view === "scan" && [(state.world?.codes.length ?? 0) > 0, state.world?.prosa.length]]);
      if (facts === shown) return;
      shown = facts;
      // what is being typed stays, and so does the focus
      const held = /** @type {HTMLElement | null} */ (body.contains(document.activeElement) ? document.activeElement : null);
      const typed = [...body.querySelectorAll("input, textarea")].map((field) => /** @type {any} */ ([field.id, field.value]));
      const open = body.querySelector("details")?.open;
      if (view === "scan" && held?.textContent === words.scanning) return; // a link is under way
      draw();
      for (const [id, value] of typed) {
        const field = /** @type {HTMLInputElement | null} */ (body.querySelector(`#${id}`));
        if (field) field.value = value;
      }
      const details = body.querySelector("details");
      if (details && open !== undefined) details.open = open;
      if (held?.id) /** @type {HTMLElement | null} */ (body.querySelector(`#${held.id}`))?.focus();
    },
  };
}
