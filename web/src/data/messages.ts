/**
 * Messages of a conversation: a window of its history, without gaps, that grows where a person scrolls and lets go what
 * is far away. Events add to it where it reaches the newest message, and change what is in it.
 */
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { api, authorizedFetch, idempotencyKey, ok } from "~/api/client";
import { ApiProblem } from "~/api/problem";
import type { Message, Schemas } from "~/api/types";
import { ask } from "./meanwhile";
import { type Direction, joined, type Thread, withMessage, withReaction } from "./thread";

const PAGE = 40;
const MOST_PAGE = 100;
export function messagesQuery(conversationId: string) {
  return queryOptions({
    queryKey: ["messages", "of", conversationId] as const,
    meta: { live: true },
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
  if (direction === "older") return { items, older: more, newer: from !== null };
  return { items: items.reverse(), older: true, newer: more };
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
  await ask(
    client,
    () => page(id, direction, end.seq),
    (more) => client.setQueryData(key, (now) => now && joined(now, more, direction, end)),
  );
}

/** Put the window around a message; null: at the newest one. Throws an ApiProblem. */
export async function goTo(client: QueryClient, id: string, seq: number | null): Promise<void> {
  const key = messagesQuery(id).queryKey;
  await client.cancelQueries({ queryKey: key });
  await ask(
    client,
    () => (seq === null ? page(id, "older", null) : around(id, seq)),
    (window) => client.setQueryData(key, window),
  );
}

async function around(id: string, seq: number): Promise<Thread> {
  const [until, after] = await Promise.all([page(id, "older", seq + 1), page(id, "newer", seq, PAGE / 2)]);
  return { items: [...after.items, ...until.items], older: until.older, newer: after.newer };
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

export interface FileToSend {
  file: File;
  caption: string;
  /** The id of the message that it answers to. */
  quoted?: string | undefined;
  /** When to send it; undefined: now. */
  at?: Date | undefined;
}

export const messageCalls = {
  send: (conversationId: string, body: Schemas["TextToConversation"], key = idempotencyKey()) =>
    ok(
      api.POST("/conversations/{conversation_id}/messages", {
        params: { path: { conversation_id: conversationId }, header: { "Idempotency-Key": key } },
        body,
      }),
    ),
  /** To a phone number; a conversation begins where there is none. */
  sendTo: (sessionId: string, body: Schemas["TextToContact"], key: string) =>
    ok(
      api.POST("/sessions/{session_id}/messages", {
        params: { path: { session_id: sessionId }, header: { "Idempotency-Key": key } },
        body,
      }),
    ),
  sendFile: async (conversationId: string, { file, caption, quoted, at }: FileToSend): Promise<Message> => {
    const form = new FormData();
    form.append("file", file, file.name);
    if (caption) form.append("caption", caption);
    if (quoted) form.append("quoted_message_id", quoted);
    if (at) form.append("send_at", at.toISOString());
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

export function putMessage(client: QueryClient, message: Message): void {
  client.setQueryData(
    messagesQuery(message.conversation_id).queryKey,
    (old) => old && withReaction(withMessage(old, message), message),
  );
}

/** Send something, and put the message that it became into its conversation. */
export function sending(client: QueryClient, send: () => Promise<Message>): Promise<Message> {
  return ask(client, send, (message) => putMessage(client, message));
}
