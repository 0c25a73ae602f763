/** A window of a conversation's messages, and what becomes of it: pure functions, which keep what did not change as it was. */
import type { Message } from "~/api/types";

/** So many messages are kept, and stand in the page; a screen shows about a dozen. */
export const WINDOW = 240;

export interface Thread {
  /** The newest first. */
  items: Message[];
  /** Whether there are messages before the oldest of these. */
  older: boolean;
  /** Whether there are messages after the newest of these: then events do not add to it. */
  newer: boolean;
}

export type Direction = "older" | "newer";

/** Both windows as one, which lets go what is far from where it grew; `end` is what they have met at. */
export function joined(now: Thread, more: Thread, direction: Direction, end: Message): Thread {
  const meets = direction === "older" ? now.items.at(-1) : now.items[0];
  if (meets?.id !== end.id) return now; // the window is elsewhere meanwhile
  if (direction === "older") {
    const items = [...now.items, ...more.items];
    const cut = Math.max(0, items.length - WINDOW);
    return { items: items.slice(cut), older: more.older, newer: now.newer || cut > 0 };
  }
  const items = [...more.items, ...now.items];
  return { items: items.slice(0, WINDOW), older: now.older || items.length > WINDOW, newer: more.newer };
}

/** The same window with a message added where its `seq` belongs, or changed where it is there already. */
export function withMessage(thread: Thread, message: Message): Thread {
  if (thread.items.some((one) => one.id === message.id)) return changed(thread, message.id, message);
  const place = thread.items.findIndex((one) => one.seq < message.seq);
  // beyond the window: it comes when the window grows there
  if (place === 0 && thread.newer) return thread;
  if (place === -1 && thread.older) return thread;
  const items = [...thread.items];
  items.splice(place === -1 ? items.length : place, 0, message);
  if (items.length <= 2 * WINDOW) return { ...thread, items };
  return { ...thread, items: items.slice(0, WINDOW), older: true };
}

/** The same window with a message changed. */
export function changed(thread: Thread, id: string, change: Partial<Message>): Thread {
  return { ...thread, items: thread.items.map((one) => (one.id === id ? { ...one, ...change } : one)) };
}

/** The same window, where the message is a reaction with what it belongs to as that is now. */
export function withReaction(thread: Thread, message: Message): Thread {
  if (message.type !== "reaction") return thread;
  const { id, from_me, sender_jid, sender_name, body: emoji } = message;
  const target = thread.items.find((one) => one.wa_id === message.quoted_wa_id);
  if (!target) return thread;
  const others = (target.reactions ?? []).filter((one) => one.id !== id);
  const stands = emoji !== "" && !message.revoked_at;
  const reactions = stands ? [...others, { id, from_me, sender_jid, sender_name, emoji }] : others;
  return changed(thread, target.id, { reactions });
}

export function find(thread: Thread, id: string): Message | undefined {
  return thread.items.find((one) => one.id === id);
}

const WAY = ["queued", "sending", "sent", "delivered", "read", "played"];

/** The status that is further on the way: events come again after a reconnect, and may be older than what is known. */
export function later(old: Message["status"], next: string): Message["status"] {
  const [from, to] = [WAY.indexOf(old), WAY.indexOf(next)];
  if (from >= 2 && to !== -1 && to < from) return old;
  return next as Message["status"];
}
