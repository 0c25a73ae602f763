// @ts-check
/** A customer's phone: the chat with the shop. */

import { ask } from "./api.js";
import { bubble, waitingBubble } from "./bubble.js";
import { composer } from "./composer.js";
import { face, fill, h } from "./dom.js";
import { send, waitingIn } from "./outbox.js";
import { chat as messagesOf, phoneNumber, screenOf, shop, shops, state, take } from "./state.js";
import { words } from "./words.js";

/** @typedef {import("./state.js").Person} Person */

const READ_MS = 600;

/** @param {string} me */
export function chatScreen(me) {
  let partner = "";
  let reading = 0;
  let stuck = true; // to the newest message, until somebody scrolls up
  /** @type {Map<string, {element: HTMLElement, facts: string}>} */
  const shown = new Map();
  const head = h("header", { class: "app-head" });
  const notice = h("div", { class: "notice-place" });
  const list = h("ol", { class: "messages" });
  const typing = h("div", { class: "bubble theirs typing", hidden: true }, h("i"), h("i"), h("i"), h("span", { class: "unseen" }, words.typing));
  const scroller = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": words.conversation }, h("p", { class: "encrypted" }, words.encrypted),
    h("div", { role: "log", "aria-label": words.messages }, list), typing);
  const ideas = h("div", { class: "ideas", role: "group", "aria-label": words.suggestions });
  const writer = composer(me, () => partner);
  const element = h("div", { class: "app chat" }, head, notice, scroller, ideas, writer.element);

  /** @param {Person} person */
  function update(person) {
    const other = shop();
    if (partner !== other.number) {
      partner = other.number;
      shown.clear();
      list.replaceChildren();
    }
    const screen = screenOf(me);
    const says = screen.typing.find((one) => one.number === partner);
    drawHead(person, says);
    const linked = other.devices.length > 0;
    if (linked === Boolean(notice.firstChild)) fill(notice, !linked && h("div", { class: "notice" }, h("span", { class: "grow" }, words.notLinked),
      h("button", { type: "button", class: "button", onclick: () => take(other.number) }, words.takeShop)));
    writer.enable(linked);
    typing.hidden = !says;
    const news = drawMessages();
    if (news === "own") stuck = true;
    stick();
    suggest(person, linked);
    read();
  }

  function stick() {
    if (stuck) scroller.scrollTop = scroller.scrollHeight;
  }
  scroller.addEventListener("scroll", () => {
    stuck = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  });
  const sizes = new ResizeObserver(stick); // pictures arrive, the keyboard comes up
  sizes.observe(scroller);
  sizes.observe(list);

  /** @param {Person} person @param {{recording: boolean} | undefined} says */
  function drawHead(person, says) {
    const other = shop();
    const several = shops();
    const line = says ? (says.recording ? words.recording : words.typing) : person.online ? phoneNumber(other.number) : words.offline;
    const facts = JSON.stringify([several.map((one) => [one.number, one.name]), other.number, line]);
    if (head.dataset.facts === facts) return;
    head.dataset.facts = facts;
    const name = several.length > 1
      ? h("select", { "aria-label": words.chatWith(""), onchange: (/** @type {any} */ event) => {
          state.shop = event.target.value;
          sessionStorage.setItem("shop", state.shop);
          update(person);
        } }, several.map((one) => h("option", { value: one.number, selected: one.number === other.number }, one.name)))
      : h("h2", {}, other.name);
    fill(head, face(other.name, true), h("div", { class: "grow" }, name, h("p", { class: says ? "good" : "" }, line)));
  }

  /** @returns {"" | "own" | "theirs"} who wrote something new */
  function drawMessages() {
    const messages = messagesOf(me, partner);
    const byId = new Map(messages.map((one) => [one.wa_id, one]));
    const chat = { find: (/** @type {string} */ id) => byId.get(id), reply: writer.reply, edit: writer.edit };
    /** @type {"" | "own" | "theirs"} */
    let news = "";
    /** @param {string} id @param {any} facts @param {() => HTMLElement} make @param {boolean} own */
    const place = (id, facts, make, own) => {
      const text = JSON.stringify(facts);
      const had = shown.get(id);
      if (had?.facts === text) return had.element;
      const element = make();
      if (had) had.element.replaceWith(element);
      else news = own ? "own" : "theirs";
      shown.set(id, { element, facts: text });
      return element;
    };
    const elements = [
      ...messages.map((one) => place(one.wa_id, [one.body, one.status, one.edited, one.revoked, one.reactions, one.quote && byId.get(one.quote)?.body],
        () => bubble(me, one, chat), one.direction === "out")),
      ...waitingIn(me, partner).map((one) => place(one.id, ["waiting", one.failed], () => waitingBubble(one), true)),
    ];
    elements.forEach((element, at) => {
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
    while (list.children.length > elements.length) list.lastElementChild?.remove();
    return news;
  }

  /** @param {Person} person @param {boolean} linked */
  function suggest(person, linked) {
    const asked = new Set(messagesOf(me, partner).map((one) => one.body));
    const left = words.suggest(person.name).filter((one) => !asked.has(one)).slice(0, 4);
    const facts = JSON.stringify([left, linked]);
    if (ideas.dataset.facts === facts) return;
    ideas.dataset.facts = facts;
    ideas.hidden = !linked || !left.length;
    fill(ideas, left.map((one) => h("button", { type: "button", class: "idea", onclick: () => send({ from: me, to: partner, text: one }) }, one)));
  }

  /** Who looks at messages has read them. */
  function read() {
    const fresh = messagesOf(me, partner).some((one) => one.direction === "in" && one.status === "received");
    if (!fresh || reading || document.hidden || !screenOf(me).online) return;
    reading = window.setTimeout(() => {
      reading = 0;
      if (!document.hidden && element.isConnected) ask("POST", `/contacts/${me}/read`, {}).catch(() => {});
    }, READ_MS);
  }

  document.addEventListener("visibilitychange", () => element.isConnected && read());
  return { element, update, shown: () => (stuck = true) };
}
