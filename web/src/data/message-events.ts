/** What events change in the windows of messages (`messages.ts`). */
import type { QueryClient } from "@tanstack/react-query";
import type { EventOf, Message } from "~/api/types";
import { messageCalls, messagesQuery, putMessage, scheduledQuery, sending } from "./messages";
import { changed, find, later, type Thread, withReaction } from "./thread";

/** A message as an event tells it; what events leave out has its empty value. */
function told(event: EventOf<"message.received"> | EventOf<"message.sent">): Message {
  const empty = {
    error: null, error_code: null, due_at: null, skip_reason: null, sent_at: null, delivered_at: null,
    read_at: null, edited_at: null, revoked_at: null, sender_name: null, quoted_wa_id: null, media: null, ai: null,
    reactions: [],
  }; // biome-ignore format: one line a group
  const payload = event.payload;
  return {
    ...empty,
    ...payload,
    session_id: event.session ?? "",
    stored_at: payload.created_at,
  } as unknown as Message;
}

export function onMessage(
  client: QueryClient,
  event: EventOf<"message.received"> | EventOf<"message.sent">,
): void {
  const key = messagesQuery(event.payload.conversation_id).queryKey;
  const data = client.getQueryData(key);
  const known = data && find(data, event.payload.id);
  if (!data || !known) {
    putMessage(client, told(event));
    return;
  }
  const { status, created_at, sender_jid } = event.payload;
  const now = changed(data, known.id, {
    status: later(known.status, status),
    created_at,
    sender_jid,
  } as Partial<Message>);
  // a reaction is told again, since the message that it belongs to may only have come meanwhile
  client.setQueryData(key, withReaction(now, known));
}

/** Write what a status event tells; false: the window has neither the message nor a reaction of this id. */
export function applyStatus(client: QueryClient, event: EventOf<"message.status">): boolean {
  const { id, conversation_id, status, error, body, media, edited_at, revoked_at } = event.payload;
  const key = messagesQuery(conversation_id).queryKey;
  const data = client.getQueryData(key);
  if (!data) return false;
  const known = find(data, id);
  if (!known) return changeReaction(client, data, event);
  const change: Partial<Message> = { status: later(known.status, status), error: error ?? null };
  if (body != null) change.body = body;
  if (media) change.media = { ...known.media, ...media };
  if (edited_at) change.edited_at = edited_at;
  if (known.type === "reaction")
    change.revoked_at = revoked_at ?? null; // one that was taken back may be given again
  else if (revoked_at) Object.assign(change, { revoked_at, body: "", media: null });
  client.setQueryData(key, withReaction(changed(data, id, change), { ...known, ...change }));
  return true;
}

/** A reaction whose own message is not in the window, while the one that it belongs to is. */
function changeReaction(client: QueryClient, data: Thread, event: EventOf<"message.status">): boolean {
  const { id, conversation_id, body, revoked_at } = event.payload;
  const target = data.items.find((one) => one.reactions?.some((reaction) => reaction.id === id));
  if (!target?.reactions) return false;
  const reactions = target.reactions.flatMap((one) =>
    one.id !== id ? [one] : body && !revoked_at ? [{ ...one, emoji: body }] : [],
  );
  client.setQueryData(messagesQuery(conversation_id).queryKey, changed(data, target.id, { reactions }));
  return true;
}

/** Messages that are being asked for. */
const asked = new Set<string>();
/** Where a message of ours stands before an event tells its text. */
const UNTOLD = ["queued", "sending", "failed", "cancelled"];

export function onStatus(client: QueryClient, event: EventOf<"message.status">): void {
  const { id, conversation_id, status, body } = event.payload;
  const scheduled = client.getQueryData(scheduledQuery(conversation_id).queryKey);
  if (status === "scheduled" || scheduled?.items.some((one) => one.id === id)) {
    void client.invalidateQueries({ queryKey: scheduledQuery(conversation_id).queryKey });
    if (status === "scheduled" || status === "cancelled") return;
  }
  if (applyStatus(client, event) || asked.has(id)) return;
  if (!client.getQueryData(messagesQuery(conversation_id).queryKey)) return;
  // just put into the outbox, or a reaction that was taken back and is given again: the event does not tell enough
  if (!UNTOLD.includes(status) && !body) return;
  asked.add(id);
  void sending(client, () => messageCalls.get(id))
    .catch(() => {})
    .finally(() => asked.delete(id));
}
