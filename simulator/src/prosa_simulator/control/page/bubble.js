// @ts-check
/** One message on a customer's phone. */

import { ask, file } from "./api.js";
import { dialog, fill, h, icon, iconButton } from "./dom.js";
import { drop, retry } from "./outbox.js";
import { language, words } from "./words.js";

/** @typedef {import("./state.js").Message} Message */
/** @typedef {import("./outbox.js").Waiting} Waiting */

const REACTIONS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });

/** @param {string | null} at */
const time = (at) => (at ? clock.format(new Date(at)) : "");

/** @param {number} seconds */
export const length = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/**
 * @param {string} me @param {Message} message
 * @param {{find: (id: string) => Message | undefined, reply: (message: Message) => void, edit: (message: Message) => void}} chat
 */
export function bubble(me, message, chat) {
  const own = message.direction === "out";
  const quoted = message.quote ? chat.find(message.quote) : undefined;
  const gone = message.revoked;
  const reactions = Object.entries(message.reactions);
  return h("li", { class: `bubble ${own ? "own" : "theirs"} ${gone ? "gone" : ""}`, "data-id": message.wa_id },
    own && h("span", { class: "unseen" }, `${words.you}: `),
    quoted && h("blockquote", {}, quoted.body || nameOf(quoted)),
    gone ? h("p", { class: "body" }, icon("stop"), own ? words.revokedOwn : words.revoked)
      : [message.media && media(me, message), !message.media && message.type !== "text" && h("p", { class: "body" }, nameOf(message)),
         message.body && h("p", { class: "body", dir: "auto" }, message.body)],
    h("span", { class: "meta" }, message.edited && !gone && h("em", {}, words.edited), time(message.at), own && !gone && ticks(message.status)),
    reactions.length > 0 && h("span", { class: "reactions" }, reactions.map(([, emoji]) => h("span", {}, emoji))),
    !gone && h("button", { type: "button", class: "options", "aria-label": words.options, "aria-haspopup": "dialog",
      onclick: () => options(me, message, chat) }, icon("down")));
}

/** @param {Waiting} message */
export function waitingBubble(message) {
  return h("li", { class: `bubble own ${message.failed ? "failed" : ""}`, "data-id": message.id },
    h("span", { class: "unseen" }, `${words.you}: `),
    message.file && h("p", { class: "body" }, icon(message.voice ? "mic" : "file"), message.voice ? words.voice : message.file.name),
    message.text && h("p", { class: "body", dir: "auto" }, message.text),
    h("span", { class: "meta" }, time(message.at), ticks(message.failed ? "failed" : "waiting")),
    message.failed && h("p", { class: "problem" }, message.failed, h("span", { class: "actions" },
      h("button", { type: "button", class: "button quiet", onclick: () => retry(message) }, words.retry),
      h("button", { type: "button", class: "button quiet", onclick: () => drop(message) }, words.discard))));
}

/** @param {string} status */
function ticks(status) {
  const name = { waiting: "clock", failed: "warn", sent: "check" }[status] ?? "checks";
  const label = /** @type {Record<string, string>} */ (words.status)[status] ?? status;
  return h("span", { class: `ticks ticks-${status}`, title: label }, icon(name, label));
}

/** @param {Message} message */
function nameOf(message) {
  if (message.media?.voice) return words.voice;
  return { image: words.picture, audio: words.voice, location: words.place, video: words.file, document: words.file,
    sticker: words.picture }[message.type] ?? words.other;
}

/** @param {string} me @param {Message} message */
function media(me, message) {
  const kind = message.media?.mime_type.split("/")[0];
  if (kind === "audio") return player(me, message);
  const place = h("div", { class: "media" });
  const failed = () => fill(place, icon("file"), `${nameOf(message)}: ${words.notFetched}`);
  if (kind === "image") {
    file(me, message.wa_id).then((url) => fill(place, h("img", { src: url, alt: message.body || words.picture })), failed);
  } else {
    const name = message.media?.file_name || words.file;
    file(me, message.wa_id).then((url) => fill(place, h("a", { href: url, download: name, class: "file" }, icon("file"), name)), failed);
  }
  return place;
}

/** @param {string} me @param {Message} message */
function player(me, message) {
  /** @type {HTMLAudioElement | undefined} */
  let sound;
  let total = message.media?.seconds ?? 0;
  const shown = h("span", { class: "length" }, length(total));
  const track = h("input", { type: "range", min: 0, max: 100, value: 0, step: 1, "aria-label": words.position,
    oninput: () => sound && Number.isFinite(sound.duration) && (sound.currentTime = (sound.duration * track.value) / 100) });
  const button = iconButton("play", words.play, async () => {
    try {
      sound ??= listen(new Audio(await file(me, message.wa_id)));
      if (sound.paused) await sound.play();
      else sound.pause();
    } catch {
      shown.textContent = words.notFetched;
    }
  });
  /** @param {string} name @param {string} label */
  const show = (name, label) => {
    button.setAttribute("aria-label", label);
    fill(button, icon(name));
  };
  /** @param {HTMLAudioElement} audio */
  function listen(audio) {
    audio.onplay = () => show("pause", words.pause);
    audio.onpause = () => show("play", words.play);
    audio.ontimeupdate = () => {
      if (Number.isFinite(audio.duration)) total = audio.duration;
      track.value = String(total ? (100 * audio.currentTime) / total : 0);
      shown.textContent = length(audio.paused || audio.ended ? total : audio.currentTime);
    };
    audio.onended = () => {
      track.value = "0";
      shown.textContent = length(total);
    };
    return audio;
  }
  return h("div", { class: "player", role: "group", "aria-label": `${words.voice}, ${length(total)}` }, button, track, shown);
}

/** @param {string} me @param {Message} message @param {{reply: (message: Message) => void, edit: (message: Message) => void}} chat */
function options(me, message, chat) {
  const base = `/contacts/${me}`;
  const problem = h("p", { class: "problem", role: "alert" });
  /** @param {() => Promise<any>} act */
  const act = async (act) => {
    try {
      await act();
      box.close();
    } catch (error) {
      problem.textContent = words.failed(/** @type {Error} */ (error).message);
    }
  };
  const mine = message.reactions[me];
  const own = message.direction === "out";
  /** @param {string} name @param {string} label @param {() => void} press */
  const entry = (name, label, press) => h("button", { type: "button", class: "entry", onclick: press }, icon(name), label);
  const box = dialog(words.options,
    h("div", { class: "emojis", role: "group", "aria-label": words.react }, REACTIONS.map((emoji) =>
      h("button", { type: "button", class: "emoji", "aria-pressed": String(mine === emoji), "aria-label": `${words.react} ${emoji}`,
        onclick: () => act(() => ask("POST", `${base}/reactions`, { wa_id: message.wa_id, emoji: mine === emoji ? "" : emoji })) }, emoji))),
    entry("reply", words.reply, () => (box.close(), chat.reply(message))),
    own && message.type === "text" && entry("pen", words.edit, () => (box.close(), chat.edit(message))),
    own && entry("bin", words.remove, () => act(() => ask("POST", `${base}/revocations`, { wa_id: message.wa_id }))),
    problem,
    h("button", { type: "button", class: "button quiet wide", onclick: () => box.close() }, words.close));
}
