// @ts-check
/** Puts the page together: the console in a frame where there is room, and the phone in hand. */

import { ask, follow } from "./api.js";
import { chatScreen } from "./chat.js";
import { dialog, face, fill, h, icon } from "./dom.js";
import { networkPanel } from "./network.js";
import { ownerScreen } from "./owner.js";
import { resume } from "./outbox.js";
import { changed, customer, people, phoneNumber, screenOf, shop, shops, state, take, unread, watch } from "./state.js";
import { guide } from "./steps.js";
import { language, words } from "./words.js";

const place = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const beside = location.pathname === "/";
const wide = matchMedia("(min-width: 1080px)");

document.documentElement.lang = language;
document.title = words.title;
place("stage").setAttribute("aria-label", words.stage);
place("console").setAttribute("aria-label", words.console);
place("people").setAttribute("aria-label", words.people);
place("network").setAttribute("aria-label", words.network);

// --- The top ---

const steps = h("div", { class: "guide" });
const links = h("div", { class: "links" });
fill(place("top"), h("h1", {}, h("img", { src: "/page/icon.svg", alt: "", width: 28, height: 28 }), "Prosa", h("span", { class: "tag" }, words.tag)), steps, links);
const drawSteps = guide(steps);

function drawLinks() {
  const console_ = state.world?.prosa[0]?.url;
  const facts = String([console_, framed()]);
  if (links.dataset.facts === facts) return;
  links.dataset.facts = facts;
  fill(links, console_ && h("a", { href: `${console_}/`, target: "prosa-console" }, icon("open"), words.openConsole),
    framed() && h("a", { href: "/phone", target: "prosa-phone" }, icon("open"), words.openPhone));
}

// --- The console ---

const framed = () => beside && wide.matches;

function drawConsole() {
  const url = state.world?.prosa[0]?.url;
  const there = place("console");
  there.hidden = !framed() || !url;
  document.body.classList.toggle("beside", !there.hidden);
  if (there.hidden || there.firstChild) return;
  fill(there, h("iframe", { src: `${url}/`, title: words.console, allow: "clipboard-write; microphone" }));
}

// --- Whose phone ---

/** Messages that nobody sees: what arrives on the phone in hand is being read. @param {string} number */
const news = (number) => (number === state.who && !document.hidden ? 0 : unread(number));

function drawPeople() {
  const owners = shops();
  const facts = JSON.stringify([owners.map((one) => [one.number, one.name, one.asked_for_code]), people().map((one) => [one.number, one.name, news(one.number)]), state.who]);
  if (place("people").dataset.facts === facts) return;
  place("people").dataset.facts = facts;
  /** @param {string} number @param {string} name @param {string} role @param {boolean} isShop @param {number} count */
  const tab = (number, name, role, isShop, count) => h("button", { type: "button", class: "person", "aria-current": state.who === number ? "true" : null,
    "data-number": number, onclick: () => take(number) }, face(name, isShop), h("span", { class: "person-name" }, name), h("span", { class: "unseen" }, `, ${role}`),
    count > 0 && h("span", { class: "badge" }, h("span", { "aria-hidden": "true" }, count), h("span", { class: "unseen" }, words.unread(count))));
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.number;
  fill(place("people"),
    owners.map((one) => tab(one.number, one.name, words.shopsPhone, true, one.asked_for_code ? 1 : 0)),
    people().map((one) => tab(one.number, one.name, words.customersPhone, false, news(one.number))),
    h("button", { type: "button", class: "person person-add", "aria-label": words.newPhone, title: words.newPhone, "aria-haspopup": "dialog", onclick: addPhone }, icon("add")));
  place("people").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (focused) /** @type {HTMLElement | null} */ (place("people").querySelector(`[data-number="${focused}"]`))?.focus();
}

function addPhone() {
  const name = h("input", { id: "add-name", required: true, maxlength: 100, autocomplete: "off" });
  const number = h("input", { id: "add-number", required: true, inputmode: "tel", autocomplete: "off", pattern: "\\+?[0-9 \\-]{8,20}",
    value: phoneNumber(`55119${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`) });
  const isShop = h("input", { type: "radio", name: "kind", id: "kind-shop" });
  const problem = h("p", { class: "problem", role: "alert" });
  const box = dialog(words.addPhone, h("form", { onsubmit: async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    const digits = number.value.replace(/\D/g, "");
    button.disabled = true;
    try {
      if (isShop.checked) await ask("PUT", `/phones/${digits}`, { name: name.value.trim() });
      else await ask("POST", "/contacts", { phone: digits, name: name.value.trim() });
      box.close();
      take(digits);
    } catch (error) {
      problem.textContent = words.failed(/** @type {Error} */ (error).message);
    }
    button.disabled = false;
  } },
    h("fieldset", {}, h("legend", {}, words.addKind),
      h("label", {}, h("input", { type: "radio", name: "kind", checked: true }), words.addCustomer), h("label", {}, isShop, words.addShop)),
    h("label", { for: "add-name" }, words.addName), name, h("label", { for: "add-number" }, words.addNumber), number, problem,
    h("div", { class: "actions" }, h("button", { class: "button" }, words.add),
      h("button", { type: "button", class: "button quiet", onclick: () => box.close() }, words.cancel))));
  name.focus();
}

// --- The phone in hand ---

const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
const tick = () => fill(place("bar"), h("span", {}, clock.format(new Date())), h("span", { class: "island" }), h("span", { class: "signal" }, h("i"), h("i"), h("i"), h("i"), h("b")));
tick();
setInterval(tick, 20_000);

/** @type {Map<string, any>} */
const screens = new Map();
let inHand = "";

function drawPhone() {
  const who = customer();
  const owner = shops().find((one) => one.number === state.who) ?? shop();
  const number = who?.number ?? owner.number;
  const key = `${who ? "chat" : "owner"} ${number}`;
  let screen = screens.get(key);
  if (!screen) screens.set(key, (screen = who ? chatScreen(number) : ownerScreen(number)));
  if (inHand !== key) {
    inHand = key;
    if (state.who !== number) state.who = number;
    fill(place("screen"), screen.element);
    place("screen").setAttribute("aria-label", who?.name ?? owner.name);
    screen.shown?.();
  }
  screen.update(who ?? owner);
}

const drawNetwork = networkPanel(place("network"), innerWidth > 700 && innerHeight > 700);

function draw() {
  drawLinks();
  drawSteps();
  if (!state.world) return;
  drawConsole();
  drawPhone();
  drawPeople();
  drawNetwork();
  document.body.classList.toggle("lost", !state.live);
}

watch(draw);
wide.addEventListener("change", changed);

// --- What happens in the world ---

/** @type {Set<string>} */
const anew = new Set();
follow({
  begin() {
    anew.clear();
    state.live = true;
    changed();
  },
  world(world) {
    state.world = world;
    changed();
  },
  screen({ number, messages, typing, online }) {
    const screen = screenOf(number);
    if (!anew.has(number)) {
      anew.add(number);
      screen.messages.clear();
    }
    for (const message of messages) screen.messages.set(message.wa_id, message);
    Object.assign(screen, { typing, online });
    changed();
  },
  lost() {
    state.live = false;
    changed();
  },
});
resume();
