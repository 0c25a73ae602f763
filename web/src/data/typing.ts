/** Which contacts type at this moment. It passes: nothing of it is stored, and what is not renewed is forgotten. */
import { useSyncExternalStore } from "react";
import type { Conversation, EventOf } from "~/api/types";

/** Phones forget "typing…" about so long after it was last said (milliseconds). */
const LASTS_MS = 25_000;

export type Doing = "typing" | "recording";

const now = new Map<string, { doing: Doing; timer: ReturnType<typeof setTimeout> }>();
const listeners = new Set<() => void>();

const keyOf = (session: string | null, jid: string) => `${session} ${jid}`;

function set(key: string, doing: Doing | null): void {
  const old = now.get(key);
  if (!old && !doing) return;
  clearTimeout(old?.timer);
  if (doing) now.set(key, { doing, timer: setTimeout(() => set(key, null), LASTS_MS) });
  else now.delete(key);
  if (old?.doing !== doing) for (const listener of [...listeners]) listener();
}

export function onTyping({ session, payload }: EventOf<"chat.typing">): void {
  set(
    keyOf(session, payload.contact_jid),
    payload.typing ? (payload.recording ? "recording" : "typing") : null,
  );
}

/** What was being typed has come. */
export function onWritten({ session, payload }: EventOf<"message.received">): void {
  set(keyOf(session, payload.contact_jid), null);
  if (payload.contact_lid) set(keyOf(session, payload.contact_lid), null);
}

type Chat = Pick<Conversation, "session_id" | "contact_jid" | "contact_lid">;

/** What the contact does now, null: nothing that we know of. A chat may be told under either of its addresses. */
export function doing(chat: Chat): Doing | null {
  const found =
    now.get(keyOf(chat.session_id, chat.contact_jid)) ??
    (chat.contact_lid ? now.get(keyOf(chat.session_id, chat.contact_lid)) : undefined);
  return found?.doing ?? null;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTyping(chat: Chat): Doing | null {
  return useSyncExternalStore(subscribe, () => doing(chat));
}
