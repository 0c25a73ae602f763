/** What a thread shows, made of its messages: days, what is new, bubbles that belong together. */
import type { Message } from "~/api/types";

export type Item =
  | { kind: "day"; key: string; at: string }
  | { kind: "unread"; key: string }
  | { kind: "message"; key: string; message: Message; first: boolean };

/** Messages by the same writer within so many minutes stand together, with the writer named once. */
const TOGETHER_MS = 5 * 60_000;

/**
 * `messages`: in any order, each once. `unreadFrom`: the `seq` of the first that nobody had read when the conversation
 * was opened.
 */
export function timeline(messages: readonly Message[], unreadFrom: number | null = null): Item[] {
  const ordered = [...messages].sort((a, b) => a.seq - b.seq);
  const items: Item[] = [];
  let before: Message | null = null;
  for (const message of ordered) {
    if (message.type === "reaction") continue;
    const newDay = !before || dayOf(before.created_at) !== dayOf(message.created_at);
    if (newDay) items.push({ kind: "day", key: `day-${message.id}`, at: message.created_at });
    const unread =
      unreadFrom !== null && message.seq >= unreadFrom && (before?.seq ?? unreadFrom - 1) < unreadFrom;
    if (unread && !message.from_me) items.push({ kind: "unread", key: "unread" });
    const first =
      newDay ||
      unread ||
      !before ||
      before.author !== message.author ||
      before.sender_jid !== message.sender_jid ||
      Date.parse(message.created_at) - Date.parse(before.created_at) > TOGETHER_MS;
    items.push({ kind: "message", key: message.id, message, first });
    before = message;
  }
  return items;
}

/** The `seq` of the first of `count` unread messages among those that are loaded, the newest first; null: none. */
export function firstUnread(messages: readonly Message[], count: number): number | null {
  let left = count;
  let found: number | null = null;
  for (const one of messages) {
    if (left === 0) break;
    if (one.from_me || one.type === "reaction") continue;
    found = one.seq;
    left -= 1;
  }
  return found;
}

/** The day of a moment where the person is. */
export function dayOf(at: string): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

const PLACE = /^(-?\d{1,2}\.\d+), (-?\d{1,3}\.\d+)$/m;

/** Where a place is, from a location's text; its last line says latitude and longitude. */
export function coordinates(body: string): { latitude: string; longitude: string } | null {
  const found = PLACE.exec(body);
  return found?.[1] && found[2] ? { latitude: found[1], longitude: found[2] } : null;
}

/** What people react to a message with: each emoji once, with how many they are where there are several. */
export function reactions(message: Message): string[] {
  const counts = new Map<string, number>();
  for (const { emoji } of message.reactions ?? []) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
  return [...counts].map(([emoji, count]) => (count > 1 ? `${emoji} ${count}` : emoji));
}

/** This number's own reaction; "": none. */
export function ownReaction(message: Message): string {
  return message.reactions?.find((one) => one.from_me)?.emoji ?? "";
}

const MINUTE = 60_000;
const AT_WHATSAPP: readonly Message["status"][] = ["received", "sent", "delivered", "read", "played"];

/** What WhatsApp takes of a message: texts of one's own may be edited for 15 minutes, anything deleted for 60 hours. */
export function allowed(message: Message, now: number): { react: boolean; edit: boolean; remove: boolean } {
  const there = !message.revoked_at && message.wa_id !== "" && AT_WHATSAPP.includes(message.status);
  const age = now - Date.parse(message.created_at);
  const mine = there && message.from_me;
  return {
    react: there,
    edit: mine && message.type === "text" && age < 15 * MINUTE,
    remove: mine && age < 60 * 60 * MINUTE,
  };
}
