/** Messages of a conversation: pages from the newest back. Events add to the newest page and change what is there. */
import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { api, authorizedFetch, idempotencyKey, ok } from "~/api/client";
import { ApiProblem } from "~/api/problem";
import type { EventOf, Message, Schemas } from "~/api/types";

const PAGE = 50;

type Page = Schemas["Page_MessageView_"];
export type MessagePages = InfiniteData<Page, string | null>;

export function messagesQuery(conversationId: string) {
  return infiniteQueryOptions({
    queryKey: ["messages", "of", conversationId] as const,
    queryFn: ({ pageParam, signal }): Promise<Page> =>
      ok(
        api.GET("/conversations/{conversation_id}/messages", {
          params: {
            path: { conversation_id: conversationId },
            query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
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
  get: (id: string) => ok(api.GET("/messages/{message_id}", { params: { path: { message_id: id } } })),
};

/** The same pages with a message added where its `seq` belongs, or changed where it is there already. */
export function withMessage(data: MessagePages, message: Message): MessagePages {
  const known = data.pages.some((page) => page.items.some((one) => one.id === message.id));
  if (known) return changed(data, message.id, message);
  const last = data.pages.length - 1;
  const place = data.pages.findIndex((page) => page.items.some((one) => one.seq < message.seq));
  const at = place === -1 ? last : place;
  const page = data.pages[at];
  // older than everything loaded: it comes with its page
  if (!page || (place === -1 && page.next_cursor)) return data;
  const before = page.items.findIndex((one) => one.seq < message.seq);
  const items = [...page.items];
  items.splice(before === -1 ? items.length : before, 0, message);
  return { ...data, pages: data.pages.map((one, index) => (index === at ? { ...one, items } : one)) };
}

/** The same pages with a message changed. */
export function changed(data: MessagePages, id: string, change: Partial<Message>): MessagePages {
  return {
    ...data,
    pages: data.pages.map((page) =>
      page.items.some((one) => one.id === id)
        ? { ...page, items: page.items.map((one) => (one.id === id ? { ...one, ...change } : one)) }
        : page,
    ),
  };
}

export function putMessage(client: QueryClient, message: Message): void {
  client.setQueryData<MessagePages>(messagesQuery(message.conversation_id).queryKey, (old) =>
    old ? withMessage(old, message) : old,
  );
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
  const data = client.getQueryData<MessagePages>(key);
  if (!data) return;
  const known = find(data, event.payload.id);
  if (!known) {
    putMessage(client, told(event));
    return;
  }
  const { status, created_at, sender_jid } = event.payload;
  client.setQueryData<MessagePages>(
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
  const data = client.getQueryData<MessagePages>(key);
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
  client.setQueryData<MessagePages>(key, changed(data, id, change));
}

function find(data: MessagePages, id: string): Message | undefined {
  for (const page of data.pages) {
    const found = page.items.find((one) => one.id === id);
    if (found) return found;
  }
  return undefined;
}

const WAY = ["queued", "sending", "sent", "delivered", "read", "played"];

/** The status that is further on the way: events come again after a reconnect, and may be older than what is known. */
export function later(old: Message["status"], next: string): Message["status"] {
  const [from, to] = [WAY.indexOf(old), WAY.indexOf(next)];
  if (from >= 2 && to !== -1 && to < from) return old;
  return next as Message["status"];
}
