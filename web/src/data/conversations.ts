/** Conversations: lists by filter, and each by itself. Events keep both current. */
import {
  type InfiniteData,
  infiniteQueryOptions,
  type Query,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { api, ok } from "~/api/client";
import type { Conversation, EventOf, Schemas } from "~/api/types";
import { ask } from "./meanwhile";

const PAGE = 25;

export interface ConversationFilter {
  session?: string;
  kind?: "contact" | "group";
  unread?: boolean;
  failed?: boolean;
  q?: string;
}

type Page = Schemas["Page_ConversationView_"];
export type ConversationPages = InfiniteData<Page, string | null>;

const LISTS = ["conversations", "list"] as const;

export function conversationsQuery(filter: ConversationFilter) {
  return infiniteQueryOptions({
    queryKey: [...LISTS, filter] as const,
    meta: { live: true },
    queryFn: ({ pageParam, signal }): Promise<Page> =>
      ok(
        api.GET("/conversations", {
          params: { query: { ...filter, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
  });
}

export function conversationQuery(id: string) {
  return queryOptions({
    queryKey: ["conversations", "one", id] as const,
    meta: { live: true },
    queryFn: ({ signal }) =>
      ok(api.GET("/conversations/{conversation_id}", { params: { path: { conversation_id: id } }, signal })),
  });
}

const at = (id: string) => ({ params: { path: { conversation_id: id } } });

export const conversationCalls = {
  update: (id: string, body: Schemas["ConversationUpdate"]) =>
    ok(api.PATCH("/conversations/{conversation_id}", { ...at(id), body })),
  read: (id: string) => ok(api.POST("/conversations/{conversation_id}/read", at(id))),
  unread: (id: string) => ok(api.POST("/conversations/{conversation_id}/unread", at(id))),
  pause: (id: string, body: Schemas["PauseRequest"]) =>
    ok(api.POST("/conversations/{conversation_id}/pause", { ...at(id), body })),
  resume: (id: string, answer: boolean) =>
    ok(api.POST("/conversations/{conversation_id}/resume", { ...at(id), body: { answer_waiting: answer } })),
  retry: (id: string) => ok(api.POST("/conversations/{conversation_id}/retry", at(id))),
  remove: (id: string) => ok(api.DELETE("/conversations/{conversation_id}", at(id))),
};

/** What a person calls the other side. */
export function contactName(
  conversation: Pick<Conversation, "contact_name" | "contact_phone" | "contact_jid">,
  phone: (digits: string) => string,
): string {
  if (conversation.contact_name) return conversation.contact_name;
  if (conversation.contact_phone) return phone(conversation.contact_phone);
  return conversation.contact_jid.split("@")[0] ?? conversation.contact_jid;
}

/** Put what the API answered, or an event told, into every cache that has the conversation. */
export function putConversation(
  client: QueryClient,
  id: string,
  change: Partial<Conversation>,
): { listed: boolean } {
  let listed = false;
  client.setQueryData<Conversation>(conversationQuery(id).queryKey, (old) => old && { ...old, ...change });
  client.setQueriesData<ConversationPages>({ queryKey: LISTS }, (old) => {
    if (!old?.pages.some((page) => page.items.some((one) => one.id === id))) return old;
    listed = true;
    return replaced(old, id, change);
  });
  return { listed };
}

/** The same pages with one conversation changed, and moved to where its newest message puts it. */
export function replaced(
  data: ConversationPages,
  id: string,
  change: Partial<Conversation>,
): ConversationPages {
  const all = data.pages.flatMap((page) => page.items);
  const old = all.find((one) => one.id === id);
  if (!old) return data;
  const next = { ...old, ...change };
  const moved = (next.last_message_at ?? "") > (old.last_message_at ?? "");
  if (!moved) {
    return {
      ...data,
      pages: data.pages.map((page) =>
        page.items.includes(old)
          ? { ...page, items: page.items.map((one) => (one === old ? next : one)) }
          : page,
      ),
    };
  }
  const pages = data.pages.map((page) => ({ ...page, items: page.items.filter((one) => one !== old) }));
  const place = pages.findIndex((page) =>
    page.items.some((one) => (one.last_message_at ?? "") < (next.last_message_at ?? "")),
  );
  const page = pages[place === -1 ? pages.length - 1 : place];
  if (!page) return data;
  const before = page.items.findIndex((one) => (one.last_message_at ?? "") < (next.last_message_at ?? ""));
  page.items.splice(before === -1 ? page.items.length : before, 0, next);
  return { ...data, pages };
}

export function dropConversation(client: QueryClient, id: string): void {
  client.removeQueries({ queryKey: conversationQuery(id).queryKey });
  client.setQueriesData<ConversationPages>(
    { queryKey: LISTS },
    (old) =>
      old && {
        ...old,
        pages: old.pages.map((page) => ({ ...page, items: page.items.filter((one) => one.id !== id) })),
      },
  );
}

/** Ask for a change of a conversation, and put the answer into every cache that has it. */
export function changeConversation(
  client: QueryClient,
  id: string,
  call: () => Promise<Conversation>,
): Promise<Conversation> {
  return ask(client, call, (answer) => putConversation(client, id, answer));
}

export function applyUpdated(
  client: QueryClient,
  event: EventOf<"conversation.updated">,
): { listed: boolean } {
  const { merged_id, ...told } = event.payload;
  if (merged_id) dropConversation(client, merged_id);
  return putConversation(client, told.id, told as Partial<Conversation>);
}

export function onUpdated(client: QueryClient, event: EventOf<"conversation.updated">): void {
  const { listed } = applyUpdated(client, event);
  readAnew(client, listed ? "states" : "all");
}

/** Lists by state (unread, failed) may have lost the conversation, or one that is shown nowhere may belong there now. */
const WHICH = {
  all: () => true,
  states: (query: Query) => {
    const filter = query.queryKey[2] as ConversationFilter | undefined;
    return Boolean(filter?.unread || filter?.failed);
  },
};
/** So long (ms) after lists were read anew they are left alone: while messages pour in, reading would never end. */
const PAUSE_MS = 500;
const paused = new WeakMap<QueryClient, Map<keyof typeof WHICH, { again: boolean }>>();

function readAnew(client: QueryClient, which: keyof typeof WHICH): void {
  const pauses = paused.get(client) ?? new Map<keyof typeof WHICH, { again: boolean }>();
  paused.set(client, pauses);
  const before = pauses.get(which);
  if (before) {
    before.again = true;
    return;
  }
  const pause = { again: false };
  pauses.set(which, pause);
  void client.invalidateQueries({ queryKey: LISTS, predicate: WHICH[which] });
  const over = () => {
    if (pause.again && client.isFetching({ queryKey: LISTS }) > 0) {
      setTimeout(over, PAUSE_MS);
      return;
    }
    pauses.delete(which);
    if (pause.again) readAnew(client, which);
  };
  setTimeout(over, PAUSE_MS);
}

export function onPauseChanged(
  client: QueryClient,
  event: EventOf<"conversation.paused"> | EventOf<"conversation.resumed">,
): void {
  void client.invalidateQueries({ queryKey: conversationQuery(event.payload.id).queryKey });
}

export function onDeleted(client: QueryClient, event: EventOf<"conversation.deleted">): void {
  dropConversation(client, event.payload.id);
}
