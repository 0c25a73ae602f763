/** Answers that are older than the events that came meanwhile: each race turned what was shown back, or lost it. */
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import type { Conversation, Message, ProsaEvent, Session } from "~/api/types";
import { applyAgain, applyEvent } from "~/live/reducer";
import { conversationQuery, conversationsQuery, putConversation } from "./conversations";
import { forgetMeanwhile, keepMeanwhile, watchAnswers } from "./meanwhile";
import { goTo, grow, messageCalls, messagesQuery, sending } from "./messages";
import { sessionsQuery } from "./sessions";
import type { Thread } from "./thread";

const message = (seq: number, change: Partial<Message> = {}) =>
  ({
    id: `m${seq}`, wa_id: `W${seq}`, conversation_id: "c", seq, body: `${seq}`, type: "text", from_me: true,
    status: "queued", reactions: [], ...change,
  }) as unknown as Message; // biome-ignore format: one line a group
const KEY = messagesQuery("c").queryKey;
let client: QueryClient;

/** Tell of an event as the socket does. */
function tell(event: string, payload: object, session = "shop"): void {
  const told = { id: "1-1", event, timestamp: 1, session, payload } as unknown as ProsaEvent;
  keepMeanwhile(client, told);
  applyEvent(client, told);
}
const status = (seq: number, value: string, change: object = {}) =>
  tell("message.status", { id: `m${seq}`, conversation_id: "c", wa_id: `W${seq}`, status: value, ...change });
const received = (seq: number, change: object = {}) =>
  tell("message.received", message(seq, { from_me: false, status: "received", ...change }));
const shown = () => client.getQueryData(KEY)?.items.map((one) => `${one.seq} ${one.status}`);
const put = (...items: Message[]) => client.setQueryData<Thread>(KEY, { items, older: false, newer: false });

/** A question whose answer is given later. */
function question<T>(): { asked: () => Promise<T>; answer: (value: T) => Promise<void> } {
  let give: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    give = resolve;
  });
  return {
    asked: () => promise,
    answer: async (value) => {
      give(value);
      await new Promise((done) => setTimeout(done));
    },
  };
}

/** Answer the pages that are asked for by `fetch`, once `answer` is called. */
function pages(): { asked: () => Promise<void>; answer: (...items: Message[]) => Promise<void> } {
  const { asked, answer } = question<Message[]>();
  const get = vi.spyOn(api, "GET").mockImplementation((async (
    _: string,
    { params }: { params: { query: object } },
  ) => {
    const items = await asked();
    const older = "direction" in params.query && params.query.direction === "older";
    return {
      data: { items: older ? items : [...items].reverse(), next_cursor: null },
      response: new Response(),
    };
  }) as unknown as typeof api.GET);
  get.mockClear();
  return {
    asked: () => vi.waitFor(() => expect(get).toHaveBeenCalled(), { interval: 1 }),
    answer: (...items) => answer(items),
  };
}

beforeEach(() => {
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  watchAnswers(client, applyAgain);
});
afterEach(() => void vi.restoreAllMocks());

describe("a message that is sent", () => {
  it("stays as far as events told, though the answer to sending it comes last", async () => {
    put();
    const { asked, answer } = question<Message>();
    vi.spyOn(messageCalls, "get").mockReturnValue(new Promise(() => {}));
    void sending(client, asked);
    status(1, "queued");
    status(1, "sending");
    tell("message.sent", message(1, { status: "sent" }));
    status(1, "delivered");
    expect(shown()).toEqual(["1 delivered"]);
    await answer(message(1));
    expect(shown()).toEqual(["1 delivered"]);
  });

  it("is asked for once where only its status is known, and then has what came meanwhile", async () => {
    put();
    const { asked, answer } = question<Message>();
    const get = vi.spyOn(messageCalls, "get").mockImplementation(asked);
    status(5, "queued");
    status(5, "sending");
    status(5, "delivered"); // of a message that is still not known
    expect(get).toHaveBeenCalledTimes(1);
    await answer(message(5));
    expect(shown()).toEqual(["5 delivered"]);
  });

  it("is not asked for where it is further back than what is shown", () => {
    put(message(9));
    const get = vi.spyOn(messageCalls, "get").mockReturnValue(new Promise(() => {}));
    status(1, "read");
    received(10);
    status(10, "received", { media: { state: "ready" } });
    expect(get).not.toHaveBeenCalled();
  });
});

describe("a page of messages", () => {
  it("does not lose what happened while it was on its way", async () => {
    const page = pages();
    const fetched = client.fetchQuery(messagesQuery("c"));
    status(1, "delivered");
    received(2);
    status(1, "read");
    await page.answer(message(1, { status: "sent" }));
    await fetched;
    expect(shown()).toEqual(["2 received", "1 read"]);
  });

  it("does not turn back what an event told, when the window is read anew or moved", async () => {
    put(message(1, { status: "sent" }));
    for (const read of [
      () => client.fetchQuery({ ...messagesQuery("c"), staleTime: 0 }),
      () => goTo(client, "c", null),
      () => goTo(client, "c", 1),
    ]) {
      put(message(1, { status: "sent" }));
      const page = pages();
      const done = read();
      await page.asked();
      status(1, "delivered");
      await page.answer(message(1, { status: "sent" }));
      await done;
      expect(shown()?.at(-1)).toBe("1 delivered");
    }
  });

  it("reaches the newest message when it grows there while one comes", async () => {
    client.setQueryData<Thread>(KEY, { items: [message(1)], older: false, newer: true });
    const page = pages();
    const done = grow(client, "c", "newer");
    received(3); // beyond the window as it is
    await page.answer(message(2));
    await done;
    expect(shown()).toEqual(["3 received", "2 queued", "1 queued"]);
  });

  it("is taken as it is where events were missed meanwhile", async () => {
    put(message(1, { status: "sent" }));
    const page = pages();
    const done = goTo(client, "c", null);
    await page.asked();
    status(1, "failed");
    forgetMeanwhile(client); // the socket came back without a replay
    await page.answer(message(1, { status: "delivered" }));
    await done;
    expect(shown()).toEqual(["1 delivered"]);
  });

  it("keeps no events when nothing is asked for", async () => {
    put(message(1, { status: "sent" }));
    status(1, "failed");
    const page = pages();
    const done = goTo(client, "c", null);
    await page.answer(message(1, { status: "delivered" }));
    await done;
    expect(shown()).toEqual(["1 delivered"]);
  });
});

describe("reactions", () => {
  const emoji = () =>
    client
      .getQueryData(KEY)
      ?.items.at(-1)
      ?.reactions?.map((one) => one.emoji);
  const reaction = (seq: number, body: string, change: object = {}) =>
    received(seq, { type: "reaction", quoted_wa_id: "W1", sender_jid: "ana", body, ...change });

  it("hang on their message as they come, change and go, and are given again", async () => {
    put(message(1));
    reaction(2, "👍");
    reaction(3, "❤️", { sender_jid: "rui" });
    reaction(3, "❤️", { sender_jid: "rui" }); // told again
    expect(emoji()).toEqual(["👍", "❤️"]);
    status(2, "received", { body: "🎂", edited_at: "2026-03-01T12:00:00Z" });
    expect(emoji()?.sort()).toEqual(["❤️", "🎂"].sort());
    status(2, "received", {
      body: "",
      edited_at: "2026-03-01T12:01:00Z",
      revoked_at: "2026-03-01T12:01:00Z",
    });
    expect(emoji()).toEqual(["❤️"]);
    status(2, "received", { body: "🙏", edited_at: "2026-03-01T12:02:00Z" });
    expect(emoji()).toEqual(["❤️", "🙏"]);
  });

  it("hang on a message of ours that is still being asked for when they come", async () => {
    client.setQueryData<Thread>(KEY, { items: [], older: false, newer: false });
    const { asked, answer } = question<Message>();
    vi.spyOn(messageCalls, "get").mockImplementation(asked);
    status(5, "queued");
    reaction(6, "👍", { quoted_wa_id: "W5" });
    await answer(message(5)); // as it was before the reaction
    expect(emoji()).toEqual(["👍"]);
  });

  it("change where only the message that they hang on is in the window", async () => {
    const old = { id: "m9", from_me: false, sender_jid: "ana", sender_name: null, emoji: "👍" };
    client.setQueryData<Thread>(KEY, {
      items: [message(1, { reactions: [old] })],
      older: false,
      newer: true,
    });
    const get = vi.spyOn(messageCalls, "get");
    status(9, "received", { body: "🎂", edited_at: "2026-03-01T12:00:00Z" });
    expect(emoji()).toEqual(["🎂"]);
    status(9, "received", {
      body: "",
      edited_at: "2026-03-01T12:01:00Z",
      revoked_at: "2026-03-01T12:01:00Z",
    });
    expect(emoji()).toEqual([]);
    expect(get).not.toHaveBeenCalled();
    const { asked, answer } = question<Message>();
    get.mockImplementation(asked);
    status(9, "received", { body: "🙏", edited_at: "2026-03-01T12:02:00Z" }); // given again
    await answer(
      message(9, { type: "reaction", quoted_wa_id: "W1", sender_jid: "ana", body: "🙏", from_me: false }),
    );
    expect(emoji()).toEqual(["🙏"]);
  });
});

describe("conversations and numbers", () => {
  it("keep what events told while they were asked for", async () => {
    const old = { id: "c", unread_count: 0, last_message_at: "2026-03-01" } as Conversation;
    const updated = { id: "c", unread_count: 2, last_message_at: "2026-03-02" };
    const [list, one, numbers] = [
      question<Conversation[]>(),
      question<Conversation>(),
      question<Session[]>(),
    ];
    const lists = client.fetchInfiniteQuery({
      ...conversationsQuery({}),
      queryFn: async () => ({ items: await list.asked(), next_cursor: null }),
    });
    const alone = client.fetchQuery({ ...conversationQuery("c"), queryFn: one.asked });
    const sessions = client.fetchQuery({ ...sessionsQuery, queryFn: numbers.asked });
    vi.spyOn(client, "invalidateQueries").mockResolvedValue(); // what is asked for anew has it in any case
    tell("conversation.updated", updated);
    tell("session.qr", { qr: "2@new", expires_at: "2026-01-01T00:00:20Z" });
    await list.answer([old]);
    await one.answer(old);
    await numbers.answer([{ session_id: "shop", status: "qr", qr: "2@old" } as Session]);
    await Promise.all([lists, alone, sessions]);
    expect(client.getQueryData(conversationsQuery({}).queryKey)?.pages[0]?.items[0]).toMatchObject(updated);
    expect(client.getQueryData(conversationQuery("c").queryKey)).toMatchObject(updated);
    expect(client.getQueryData(sessionsQuery.queryKey)?.[0]?.qr).toBe("2@new");
  });

  it("are put as they are by ourselves", () => {
    client.setQueryData(conversationQuery("c").queryKey, { id: "c", unread_count: 1 } as Conversation);
    putConversation(client, "c", { unread_count: 0 });
    expect(client.getQueryData(conversationQuery("c").queryKey)?.unread_count).toBe(0);
  });
});
