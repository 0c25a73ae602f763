// @ts-check
/**
 * What was written and is not on the network yet. As a messenger does: one at a time for each phone, in order, tried again until
 * the network takes it. A message keeps its id, so a try that got through after all is the same message.
 */

import { ask, Refused } from "./api.js";
import { changed, screenOf, state } from "./state.js";

/**
 * @typedef {{id: string, from: string, to: string, text: string, at: string, quote?: string, file?: File, voice?: boolean,
 *   seconds?: number, failed?: string}} Waiting
 */

const HOPELESS = new Set(["recipient-unknown", "rejected", "bad-request", "media-invalid"]);
const AGAIN_MS = 1200;

/** @type {Waiting[]} */
export const waiting = remembered();
/** @type {Set<string>} */
const busy = new Set();

/** @returns {Waiting[]} */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem("outbox") ?? "[]");
  } catch {
    return [];
  }
}

function remember() {
  sessionStorage.setItem("outbox", JSON.stringify(waiting.filter((one) => !one.file)));
  changed();
}

const newId = () =>
  "3EB0" + [...crypto.getRandomValues(new Uint8Array(9))].map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();

/** @param {Omit<Waiting, "id" | "at">} message */
export function send(message) {
  waiting.push({ ...message, id: newId(), at: new Date().toISOString() });
  remember();
  pump(message.from);
}

/** @param {Waiting} message */
export function drop(message) {
  waiting.splice(waiting.indexOf(message), 1);
  remember();
  pump(message.from);
}

/** @param {Waiting} message */
export function retry(message) {
  delete message.failed;
  remember();
  pump(message.from);
}

/** Send what a phone has waiting. @param {string} from */
export async function pump(from) {
  if (busy.has(from)) return;
  const next = waiting.find((one) => one.from === from && !one.failed);
  if (!next) return;
  if (!screenOf(from).online) return void setTimeout(() => pump(from), AGAIN_MS);
  busy.add(from);
  let pause = 0;
  try {
    const shown = await post(next);
    if (shown) screenOf(from).messages.set(shown.wa_id, shown);
    waiting.splice(waiting.indexOf(next), 1);
  } catch (error) {
    if (error instanceof Refused && (error.status !== 409 || HOPELESS.has(error.code))) next.failed = error.message;
    else pause = AGAIN_MS;
  }
  busy.delete(from);
  remember();
  setTimeout(() => pump(from), pause);
}

/** @param {Waiting} message */
function post(message) {
  const { id, from, to, text, quote, file, voice, seconds } = message;
  if (!file) return ask("POST", `/contacts/${from}/messages`, { to, text, wa_id: id, ...(quote && { quote }) });
  const form = new FormData();
  const fields = { to, wa_id: id, caption: text, quote, voice: voice && "true", seconds: seconds && String(seconds) };
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append("file", file, file.name);
  return ask("POST", `/contacts/${from}/media`, form);
}

/** What was left from before a reload. */
export const resume = () => new Set(waiting.map((one) => one.from)).forEach((from) => pump(from));

/** @param {string} from @param {string} to */
export const waitingIn = (from, to) => waiting.filter((one) => one.from === from && one.to === to && !state.screens.get(from)?.messages.has(one.id));
