// @ts-check
/** The control server, as the page asks it. */

export class Refused extends Error {
  /** @param {number} status @param {{error?: string, detail?: string}} body */
  constructor(status, body) {
    super(body.detail ?? String(status));
    this.status = status;
    this.code = body.error ?? "";
  }
}

/**
 * @param {string} method @param {string} path @param {any} [body] JSON, or a form
 * @returns {Promise<any>}
 * @throws {Refused} it says no; other errors: it cannot be reached
 */
export async function ask(method, path, body) {
  const form = body instanceof FormData;
  const answer = await fetch(path, {
    method,
    body: form ? body : body === undefined ? undefined : JSON.stringify(body),
    headers: form || body === undefined ? {} : { "Content-Type": "application/json" },
  });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text);
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    // an answer of something else on the way
  }
  throw new Refused(answer.status, said);
}

/** @type {Map<string, Promise<string>>} */
const files = new Map();

/** A message's file as a blob's URL, fetched once. @param {string} contact @param {string} id @returns {Promise<string>} */
export function file(contact, id) {
  const path = `/contacts/${contact}/messages/${id}/media`;
  let found = files.get(path);
  if (!found) {
    found = fetch(path).then(async (answer) => {
      if (!answer.ok) throw new Refused(answer.status, {});
      return URL.createObjectURL(await answer.blob());
    });
    found.catch(() => files.delete(path));
    files.set(path, found);
  }
  return found;
}

/**
 * Follow the world; comes back by itself, and then everything is told anew.
 * @param {{begin: () => void, world: (data: any) => void, screen: (data: any) => void, lost: () => void}} on
 */
export function follow(on) {
  const source = new EventSource("/live");
  source.addEventListener("open", on.begin);
  source.addEventListener("world", (event) => on.world(JSON.parse(event.data)));
  source.addEventListener("screen", (event) => on.screen(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    on.lost();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(on), 2000); // it will not try again by itself
  });
  window.addEventListener("pagehide", () => source.close(), { once: true });
  window.addEventListener("pageshow", (event) => event.persisted && location.reload(), { once: true });
}
