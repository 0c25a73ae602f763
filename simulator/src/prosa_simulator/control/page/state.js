// @ts-check
/** What the page knows: the world as it was last told, and what is this page's own. */

/**
 * @typedef {{number: string, name: string, asked_for_code: boolean, devices: {number: number, platform: string, online: boolean}[]}} Phone
 * @typedef {{number: string, name: string, online: boolean, linked: boolean}} Person
 * @typedef {{wa_id: string, position: number, direction: "in" | "out", chat: string, type: string, body: string, at: string | null,
 *   status: string, edited: boolean, revoked: boolean, reactions: Record<string, string>, quote: string | null, resent: number,
 *   media: {mime_type: string, size: number, file_name: string | null, voice: boolean, seconds: number | null} | null}} Message
 * @typedef {{messages: Map<string, Message>, typing: {number: string, recording: boolean}[], online: boolean}} Screen
 * @typedef {{phones: Phone[], contacts: Person[], codes: string[], prosa: {url: string, running: boolean}[],
 *   faults: {fault: string}[], listening: boolean}} World
 */

export const DEFAULT_SHOP = { number: "551140000001", name: "Padaria Estrela" };

export const state = {
  /** @type {World | null} */ world: null,
  /** @type {Map<string, Screen>} */ screens: new Map(),
  /** The number whose phone is in hand. */ who: sessionStorage.getItem("who") ?? "",
  /** The shop's number that customers write to. */ shop: sessionStorage.getItem("shop") ?? "",
  /** Whether the world tells what happens. */ live: false,
  broke: sessionStorage.getItem("broke") === "yes",
};

/** @type {Set<() => void>} */
const watchers = new Set();
let planned = false;

/** Be called after changes, several at once. @param {() => void} watcher */
export function watch(watcher) {
  watchers.add(watcher);
}

export function changed() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    for (const watcher of watchers) watcher();
  }, 16);
}

/** @returns {Phone[]} the phones of those who link Prosa: all that are no contact's */
export function shops() {
  const contacts = new Set(state.world?.contacts.map((person) => person.number));
  const found = (state.world?.phones ?? []).filter((phone) => !contacts.has(phone.number));
  return found.length ? found : [{ ...DEFAULT_SHOP, asked_for_code: false, devices: [] }];
}

/** @returns {Phone} */
export const shop = () => shops().find((one) => one.number === state.shop) ?? shops()[0];

/** @returns {Person[]} */
export const people = () => state.world?.contacts ?? [];

/** @returns {Person | undefined} the customer whose phone is in hand; none: the shop's is */
export const customer = () => people().find((person) => person.number === state.who);

/** @param {string} number @returns {Screen} */
export function screenOf(number) {
  let found = state.screens.get(number);
  if (!found) state.screens.set(number, (found = { messages: new Map(), typing: [], online: false }));
  return found;
}

/** @param {string} number @param {string} with_ @returns {Message[]} */
export const chat = (number, with_) =>
  [...screenOf(number).messages.values()].filter((one) => one.chat === with_).sort((a, b) => a.position - b.position);

/** @param {string} number how many messages were not looked at */
export const unread = (number) =>
  [...screenOf(number).messages.values()].filter((one) => one.direction === "in" && one.status === "received").length;

/** @param {string} number */
export function take(number) {
  state.who = number;
  sessionStorage.setItem("who", number);
  if (shops().some((one) => one.number === number)) {
    state.shop = number;
    sessionStorage.setItem("shop", number);
  }
  changed();
}

export function broke() {
  state.broke = true;
  sessionStorage.setItem("broke", "yes");
  changed();
}

/** Digits as people write them. @param {string} digits */
export function phoneNumber(digits) {
  const brazil = /^55(\d\d)(\d{4,5})(\d{4})$/.exec(digits);
  return brazil ? `+55 ${brazil[1]} ${brazil[2]}-${brazil[3]}` : `+${digits}`;
}
