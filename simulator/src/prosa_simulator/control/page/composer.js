// @ts-check
/** Where a customer writes: text, emoji, files, recordings. */

import { ask } from "./api.js";
import { length } from "./bubble.js";
import { dialog, fill, h, icon, iconButton } from "./dom.js";
import { send } from "./outbox.js";
import { screenOf } from "./state.js";
import { language, words } from "./words.js";

/** @typedef {import("./state.js").Message} Message */

const EMOJIS = [..."😀😂😊😍😘😉🤔😅😎😢😡😴👍👎👏🙏💪👋🤝❤💚🎉🎂🔥✨☕🍞🍰🥐🍓🛵🏠📍📷💳⏰✅❌❓❗"];
const KINDS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
const HOLD_MS = 350;
const TYPING_MS = 3000;

/** @param {string} me @param {() => string} to */
export function composer(me, to) {
  const key = `draft-${me}`;
  /** @type {Message | undefined} */ let quoted;
  /** @type {Message | undefined} */ let editing;
  /** @type {{stop: (keep: boolean) => void} | undefined} */ let recording;
  let told = 0;

  const text = h("textarea", { rows: 1, placeholder: words.write, "aria-label": words.message, enterkeyhint: "send", dir: "auto",
    oninput: typed, onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();
      } else if (event.key === "Escape") forget();
    } });
  text.value = sessionStorage.getItem(key) ?? "";
  const about = h("div", { class: "about" });
  const problem = h("p", { class: "problem", role: "alert" });
  const go = h("button", { type: "submit", class: "round filled", "aria-label": words.send, title: words.send }, icon("send"));
  const microphone = iconButton("mic", words.record, () => {}, { class: "round filled", onpointerdown: press, onclick: click });
  const time = h("span", { class: "length" }, "0:00");
  const recorder = h("div", { class: "recorder", hidden: true }, iconButton("bin", words.dropRecording, () => recording?.stop(false)),
    h("i", { class: "dot beat" }), time, h("span", { class: "grow soft" }, words.recording),
    iconButton("send", words.stopRecording, () => recording?.stop(true), { class: "round filled" }));
  const row = h("div", { class: "composer-row" }, iconButton("smile", words.emoji, emojis, { "aria-haspopup": "dialog" }), text,
    iconButton("add", words.attach, attach, { "aria-haspopup": "dialog" }), go, microphone);
  const element = h("form", { class: "composer", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), submit()) },
    about, problem, row, recorder);

  function typed() {
    sessionStorage.setItem(key, editing ? "" : text.value);
    fit();
    if (Date.now() - told > TYPING_MS) typing(true);
  }

  function fit() {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 132)}px`;
    go.hidden = !text.value.trim();
    microphone.hidden = !go.hidden;
  }

  /** Tell the shop; nobody minds where it does not arrive. @param {boolean} on @param {boolean} [speaking] */
  function typing(on, speaking = false) {
    told = on ? Date.now() : 0;
    if (!screenOf(me).online) return;
    ask("POST", `/contacts/${me}/typing`, { to: to(), typing: on, recording: speaking }).catch(() => {});
  }

  function forget() {
    if (editing) text.value = "";
    quoted = editing = undefined;
    fill(about);
    fit();
  }

  async function submit() {
    const said = text.value.trim();
    if (!said) return;
    problem.textContent = "";
    if (editing) {
      try {
        await ask("POST", `/contacts/${me}/edits`, { wa_id: editing.wa_id, text: said });
      } catch (error) {
        problem.textContent = words.failed(/** @type {Error} */ (error).message);
        return;
      }
    } else send({ from: me, to: to(), text: said, quote: quoted?.wa_id });
    text.value = "";
    sessionStorage.removeItem(key);
    told = 0;
    forget();
  }

  /** @param {string} label @param {Message} message */
  function turnTo(label, message) {
    fill(about, h("div", { class: "grow" }, h("strong", {}, label), h("p", {}, message.body || words.message)),
      iconButton("close", words.cancel, forget));
    text.focus();
  }

  /** @param {File} file @param {{voice?: boolean, seconds?: number}} [more] */
  function sendFile(file, more = {}) {
    problem.textContent = "";
    const caption = more.voice ? "" : text.value.trim();
    if (caption) text.value = "";
    sessionStorage.removeItem(key);
    send({ from: me, to: to(), text: caption, file, quote: quoted?.wa_id, ...more });
    forget();
  }

  function emojis() {
    const box = dialog(words.emoji, h("div", { class: "emojis emojis-many" }, EMOJIS.map((emoji) =>
      h("button", { type: "button", class: "emoji", onclick: () => {
        text.setRangeText(emoji, text.selectionStart, text.selectionEnd, "end");
        box.close();
        text.focus();
        typed();
      } }, emoji))));
  }

  function attach() {
    /** @param {string} name @param {string} label @param {() => void} press */
    const entry = (name, label, press) => h("button", { type: "button", class: "entry", onclick: () => (box.close(), press()) }, icon(name), label);
    const own = h("input", { type: "file", hidden: true, onchange: () => own.files?.[0] && sendFile(own.files[0]) });
    const voice = language === "en" ? { name: "voice-en.ogg", seconds: 5 } : { name: "voice-pt.ogg", seconds: 6 };
    const box = dialog(words.attach,
      entry("mic", words.sampleVoice, () => sample(voice.name, "audio/ogg; codecs=opus", { voice: true, seconds: voice.seconds })),
      entry("picture", words.samplePicture, () => sample("cake.jpg", "image/jpeg")),
      entry("file", words.fromComputer, () => own.click()),
      h("button", { type: "button", class: "button quiet wide", onclick: () => box.close() }, words.close));
  }

  /** @param {string} name @param {string} type @param {{voice?: boolean, seconds?: number}} [more] */
  async function sample(name, type, more) {
    try {
      const answer = await fetch(`/page/samples/${name}`);
      sendFile(new File([await answer.arrayBuffer()], name, { type }), more);
    } catch (error) {
      problem.textContent = words.failed(/** @type {Error} */ (error).message);
    }
  }

  let pressed = 0;
  let held = false;
  /** Hold to speak; a click starts, and the button that shows up then sends. */
  function press() {
    pressed = Date.now();
    held = true;
    addEventListener("pointerup", () => {
      held = false;
      if (recording && Date.now() - pressed > HOLD_MS) recording.stop(true);
    }, { once: true });
    setTimeout(() => held && record(), HOLD_MS);
  }

  function click() {
    if (Date.now() - pressed < HOLD_MS || !pressed) record();
    pressed = 0;
  }

  async function record() {
    if (recording) return;
    problem.textContent = "";
    recording = { stop: () => {} };
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      recording = undefined;
      problem.textContent = words.noMicrophone;
      return;
    }
    const type = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind)) ?? "";
    const machine = new MediaRecorder(stream, type ? { mimeType: type } : {});
    /** @type {Blob[]} */
    const pieces = [];
    const begun = Date.now();
    const seconds = () => (Date.now() - begun) / 1000;
    let keep = false;
    const ticking = setInterval(() => {
      time.textContent = length(seconds());
      if (Date.now() - told > TYPING_MS) typing(true, true);
    }, 250);
    machine.ondataavailable = (event) => pieces.push(event.data);
    machine.onstop = () => {
      clearInterval(ticking);
      for (const track of stream.getTracks()) track.stop();
      recording = undefined;
      show(false);
      typing(false);
      const ending = machine.mimeType.includes("ogg") ? "ogg" : machine.mimeType.includes("mp4") ? "m4a" : "webm";
      if (keep) sendFile(new File(pieces, `voice.${ending}`, { type: machine.mimeType }), { voice: true, seconds: Math.max(1, Math.round(seconds())) });
    };
    recording.stop = (wanted) => {
      keep = wanted && seconds() > 0.5;
      machine.stop();
    };
    machine.start();
    typing(true, true);
    time.textContent = "0:00";
    show(true);
    recorder.querySelector("button:last-child")?.focus();
  }

  /** @param {boolean} on */
  function show(on) {
    row.hidden = on;
    recorder.hidden = !on;
    if (!on) microphone.focus();
  }

  fit();
  return {
    element,
    /** @param {Message} message */
    reply(message) {
      forget();
      quoted = message;
      turnTo(words.replyingTo, message);
    },
    /** @param {Message} message */
    edit(message) {
      forget();
      editing = message;
      text.value = message.body;
      fit();
      turnTo(words.edit, message);
    },
    /** @param {boolean} on */
    enable(on) {
      for (const control of element.querySelectorAll("button, textarea")) control.disabled = !on;
    },
    isEmpty: () => !text.value.trim() && !recording,
  };
}
