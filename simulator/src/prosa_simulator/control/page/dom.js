// @ts-check
/** Elements without a library: text is always text, so what a stranger wrote cannot become a part of the page. */

/** @typedef {Node | string | number | null | undefined | false | any[]} Child */

/**
 * Make an element. `on…` are listeners, `class` and other names attributes, true an attribute without a value.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  fill(element, children);
  return element;
}

/** @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  const flat = /** @type {any[]} */ (children).flat(4).filter((child) => child !== null && child !== undefined && child !== false);
  element.replaceChildren(...flat.map((child) => (child instanceof Node ? child : String(child))));
}

/** @type {Record<string, string>} strokes on a grid of 24 */
const ICONS = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2 12.5l4 4L14 8M10.5 15l1.5 1.5L22 8",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
  close: "M6 6l12 12M18 6L6 18",
  copies: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M6 9l6 6 6-6",
  file: "M6 3h8l4 4v14H6zM14 3v5h4",
  key: "M14.5 9.5a5 5 0 1 0-3 4.6L13 16h2v2h2v2h3v-3z",
  laptop: "M5 5h14v10H5zM2.5 19h19",
  mic: "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
  open: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  pause: "M8 5v14M16 5v14",
  pen: "M4 20l1-4L16 5l3 3L8 19z",
  picture: "M4 5h16v14H4zM4 16l5-5 5 5 2-2 4 4M15 9.5h.01",
  play: "M8 5l11 7-11 7z",
  plug: "M9 3v5M15 3v5M7 8h10v3a5 5 0 0 1-10 0zM12 16v5",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18h2",
  redo: "M4 12a8 8 0 1 1 2.5 5.8M4 12V6M4 12h5",
  reply: "M9 6l-6 6 6 6M3 12h11a6 6 0 0 1 6 6",
  scissors: "M6 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM6 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 8l12 9M8 16l12-9",
  send: "M4 12l16-8-6 16-3-7z",
  shop: "M4 9l1.5-5h13L20 9M4 9v11h16V9M4 9a2.7 2.7 0 0 0 5.3 0 2.7 2.7 0 0 0 5.4 0A2.7 2.7 0 0 0 20 9M10 20v-5h4v5",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14a4.2 4.2 0 0 0 7 0M9 9.5h.01M15 9.5h.01",
  stop: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM6 6l12 12",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
};

/** @param {string} name @param {string} [label] what it says where nothing else does */
export function icon(name, label) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

/** @param {string} name @param {string} label @param {(event: Event) => void} press @param {Record<string, any>} [props] */
export const iconButton = (name, label, press, props) =>
  h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick: press, ...props }, icon(name));

/** @param {string} name @param {boolean} [shop] */
export const face = (name, shop) =>
  h("span", { class: `face face-${shop ? "shop" : [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 5}`,
    "aria-hidden": "true" }, shop ? icon("shop") : [...name.trim()][0]?.toUpperCase() ?? "?");

let saying = 0;
/** Have a screen reader say something. @param {string} text */
export function announce(text) {
  const place = document.getElementById("announcer");
  if (!place) return;
  place.textContent = "";
  clearTimeout(saying);
  saying = window.setTimeout(() => (place.textContent = text), 80);
}

/**
 * Show a dialog over the phone; it leaves when closed, and the focus goes back to where it was.
 * @param {string} title @param {...Child} children
 * @returns {HTMLDialogElement}
 */
export function dialog(title, ...children) {
  const head = h("h2", { id: "dialog-title" }, title);
  const box = h("dialog", { "aria-labelledby": "dialog-title", closedby: "any" }, head, children);
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (/** @type {MouseEvent} */ event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  return box;
}
