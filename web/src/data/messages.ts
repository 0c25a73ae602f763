/**
 * Messages of a conversation: a window of its history, without gaps, that grows where a person scrolls and lets go what
 * is far away. Events add to it where it reaches the newest message, and change what is in it.
 */
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { api, authorizedFetch, idempotencyKey, ok } from "~/api/client";
import { ApiProblem } from "~/api/problem";
import type { EventOf, Message, Schemas } from "~/api/types";

const PAGE = 40;
const MOST_PAGE = 100;
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

type Direction = "older" | "newer";

/** The highest `seq` that was heard of, by conversation: what an answer of the API does not have yet. */
const heard = new Map<string, number>();

export function messagesQuery(conversationId: string) {
  return queryOptions({
    queryKey: ["messages", "of", conversationId] as const,
    queryFn: ({ client, signal }): Promise<Thread> =>
      again(conversationId, client.getQueryData(["messages", "of", conversationId]), signal),
  });
}

async function page(
  id: string,
  direction: Direction,
  from: number | null,
  limit = PAGE,
  signal?: AbortSignal,
): Promise<Thread> {
  const { items, next_cursor } = await ok(
    api.GET("/conversations/{conversation_id}/messages", {
      params: {
        path: { conversation_id: id },
        query: { limit, direction, ...(from === null ? {} : { from_seq: from }) },
      },
      ...(signal ? { signal } : {}),
    }),
  );
  const more = next_cursor != null;
  if (direction === "older") return ended(id, { items, older: more, newer: from !== null });
  return ended(id, { items: items.reverse(), older: true, newer: more });
}

/** An answer may have been made before a message that an event has told meanwhile. */
function ended(id: string, thread: Thread): Thread {
  const newest = thread.items[0];
  const missing = newest !== undefined && newest.seq < (heard.get(id) ?? newest.seq);
  return missing ? { ...thread, newer: true } : thread;
}

/** The newest messages; or, where a person reads elsewhere, what is there already, read anew. */
async function again(id: string, old: Thread | undefined, signal: AbortSignal): Promise<Thread> {
  const [first, last] = [old?.items[0], old?.items.at(-1)];
  if (!first || !last) return page(id, "older", null, PAGE, signal);
  let thread = await page(id, "older", old?.newer ? first.seq + 1 : null, MOST_PAGE, signal);
  while (thread.older && (thread.items.at(-1)?.seq ?? last.seq) > last.seq) {
    const from = thread.items.at(-1)?.seq ?? null;
    const next = await page(id, "older", from, MOST_PAGE, signal);
    thread = { ...thread, items: [...thread.items, ...next.items], older: next.older };
  }
  return thread;
}

/** Let the window grow at one end. Throws an ApiProblem. */
export async function grow(client: QueryClient, id: string, direction: Direction): Promise<void> {
  const key = messagesQuery(id).queryKey;
  const before = client.getQueryData(key);
  const end = direction === "older" ? before?.items.at(-1) : before?.items[0];
  if (!before?.[direction] || !end) return;
  const more = await page(id, direction, end.seq);
  client.setQueryData(key, (now) => now && joined(now, more, direction, end));
}

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

/** Put the window around a message; null: at the newest one. Throws an ApiProblem. */
export async function goTo(client: QueryClient, id: string, seq: number | null): Promise<void> {
  const key = messagesQuery(id).queryKey;
  await client.cancelQueries({ queryKey: key });
  if (seq === null) {
    const newest = await page(id, "older", null);
    client.setQueryData(key, newest);
    return;
  }
  const [until, after] = await Promise.all([page(id, "older", seq + 1), page(id, "newer", seq, PAGE / 2)]);
  client.setQueryData(key, {
    items: [...after.items, ...until.items],
    older: until.older,
    newer: after.newer,
  });
}

/** Nobody reads it any more: keep what is shown first when it is opened again. */
export function letGo(client: QueryClient, id: string): void {
  const key = messagesQuery(id).queryKey;
  const now = client.getQueryData(key);
  if (now?.newer) client.removeQueries({ queryKey: key });
  else if (now && now.items.length > PAGE) {
    client.setQueryData(key, { ...now, items: now.items.slice(0, PAGE), older: true });
  }
}

/** The message that another one quotes; null: it is not stored here. */
export function quotedQuery(conversationId: string, waId: string) {
  return queryOptions({
    queryKey: ["messages", "quoted", conversationId, waId] as const,
    queryFn: async ({ signal }): Promise<Message | null> => {
      const found = await ok(
        api.GET("/conversations/{conversation_id}/messages", {
          params: { path: { conversation_id: conversationId }, query: { wa_id: waId, limit: 1 } },
          signal,
        }),
      );
      return found.items[0] ?? null;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function searchQuery(q: string, session?: string) {
  return queryOptions({
    queryKey: ["messages", "search", q, session ?? null] as const,
    queryFn: ({ signal }) =>
      ok(
        api.GET("/messages/search", {
          params: { query: { q, limit: 20, ...(session ? { session } : {}) } },
          signal,
        }),
      ),
    enabled: q.length >= 2,
  });
}

/** A message's file as a blob; the browser cannot ask for it by itself, since it has no token. */
export function mediaQuery(messageId: string) {
  return queryOptions({
    queryKey: ["messages", "media", messageId] as const,
    queryFn: async ({ signal }): Promise<Blob> => {
      const response = await authorizedFetch(`/messages/${messageId}/media`, { signal });
      if (!response.ok) throw ApiProblem.of(response, await response.json().catch(() => null));
      return response.blob();
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 5 * 60_000,
  });
}

/** Messages of a conversation that are to be sent later, the soonest first. */
export function scheduledQuery(conversationId: string) {
  return queryOptions({
    queryKey: ["messages", "scheduled", conversationId] as const,
    queryFn: ({ signal }) =>
      ok(
        api.GET("/messages", {
          params: { query: { conversation: conversationId, status: "scheduled", limit: 50 } },
          signal,
        }),
      ),
  });
}

export const messageCalls = {
  send: (conversationId: string, body: Schemas["TextToConversation"], key = idempotencyKey()) =>
    ok(
      api.POST("/conversations/{conversation_id}/messages", {
        params: { path: { conversation_id: conversationId }, header: { "Idempotency-Key": key } },
        body,
      }),
    ),
  sendFile: async (conversationId: string, file: File, caption: string): Promise<Message> => {
    const form = new FormData();
    form.append("file", file, file.name);
    if (caption) form.append("caption", caption);
    const response = await authorizedFetch(`/conversations/${conversationId}/media`, {
      method: "POST",
      body: form,
      headers: { "Idempotency-Key": idempotencyKey() },
    });
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) throw ApiProblem.of(response, answer);
    return answer as Message;
  },
  cancel: (id: string) =>
    ok(api.POST("/messages/{message_id}/cancel", { params: { path: { message_id: id } } })),
  /** A new text for one that WhatsApp has: it shows when WhatsApp has taken it. */
  edit: (id: string, text: string) =>
    ok(api.PATCH("/messages/{message_id}", { params: { path: { message_id: id } }, body: { text } })),
  /** Delete it for everyone. */
  revoke: (id: string) => ok(api.DELETE("/messages/{message_id}", { params: { path: { message_id: id } } })),
  /** "" takes one's reaction back. */
  react: (id: string, emoji: string) =>
    ok(api.POST("/messages/{message_id}/react", { params: { path: { message_id: id } }, body: { emoji } })),
  get: (id: string) => ok(api.GET("/messages/{message_id}", { params: { path: { message_id: id } } })),
};

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

export function putMessage(client: QueryClient, message: Message): void {
  const id = message.conversation_id;
  heard.set(id, Math.max(heard.get(id) ?? message.seq, message.seq));
  client.setQueryData(messagesQuery(id).queryKey, (old) => old && withMessage(old, message));
}

/** A message as an event tells it; what events leave out has its empty value. */
function told(event: EventOf<"message.received"> | EventOf<"message.sent">): Message {
  const empty = {
    error: null, error_code: null, due_at: null, skip_reason: null, sent_at: null, delivered_at: null,
    read_at: null, edited_at: null, revoked_at: null, sender_name: null, quoted_wa_id: null, media: null, ai: null,
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
  client.setQueryData(
    key,
    changed(data, known.id, {
      status: later(known.status, status),
      created_at,
      sender_jid,
    } as Partial<Message>),
  );
}

export function onStatus(client: QueryClient, event: EventOf<"message.status">): void {
  const { id, conversation_id, status, error, body, media, edited_at, revoked_at } = event.payload;
  const key = messagesQuery(conversation_id).queryKey;
  const data = client.getQueryData(key);
  const scheduled = client.getQueryData(scheduledQuery(conversation_id).queryKey);
  if (status === "scheduled" || scheduled?.items.some((one) => one.id === id)) {
    void client.invalidateQueries({ queryKey: scheduledQuery(conversation_id).queryKey });
    if (status === "scheduled" || status === "cancelled") return;
  }
  if (!data) return;
  const known = find(data, id);
  if (!known) {
    // A message of ours that was just put into the outbox: the event does not tell its text.
    void messageCalls.get(id).then(
      (message) => putMessage(client, message),
      () => {},
    );
    return;
  }
  const change: Partial<Message> = { status: later(known.status, status), error: error ?? null };
  if (body != null) change.body = body;
  if (media) change.media = { ...known.media, ...media };
  if (edited_at) change.edited_at = edited_at;
  if (revoked_at) Object.assign(change, { revoked_at, body: "", media: null });
  client.setQueryData(key, changed(data, id, change));
}

function find(thread: Thread, id: string): Message | undefined {
  return thread.items.find((one) => one.id === id);
}

const WAY = ["queued", "sending", "sent", "delivered", "read", "played"];

/** The status that is further on the way: events come again after a reconnect, and may be older than what is known. */
export function later(old: Message["status"], next: string): Message["status"] {
  const [from, to] = [WAY.indexOf(old), WAY.indexOf(next)];
  if (from >= 2 && to !== -1 && to < from) return old;
  return next as Message["status"];
}
