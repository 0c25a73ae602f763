import { describe, expect, it } from "vitest";
import type { Conversation, Message } from "~/api/types";
import { type ConversationPages, replaced } from "./conversations";
import { changed, joined, later, type Thread, WINDOW, withMessage } from "./thread";

const message = (seq: number, change: Partial<Message> = {}) =>
  ({ id: `m${seq}`, seq, body: `${seq}`, status: "received", ...change }) as unknown as Message;
/** A window from one `seq` down to another. */
const window = (from: number, to: number, change: Partial<Thread> = {}): Thread => ({
  items: Array.from({ length: from - to + 1 }, (_, place) => message(from - place)),
  older: true,
  newer: false,
  ...change,
});
const order = (thread: Thread) => thread.items.map((one) => one.seq);

describe("the window of messages", () => {
  it("takes in a message where it belongs, and none beyond its ends", () => {
    expect(order(withMessage(window(9, 7), message(10)))).toEqual([10, 9, 8, 7]);
    expect(order(withMessage({ ...window(9, 7), items: [message(9), message(7)] }, message(8)))).toEqual([
      9, 8, 7,
    ]);
    expect(order(withMessage(window(9, 7), message(2)))).toEqual([9, 8, 7]);
    expect(order(withMessage(window(9, 7, { older: false }), message(2)))).toEqual([9, 8, 7, 2]);
    expect(order(withMessage(window(9, 7, { newer: true }), message(12)))).toEqual([9, 8, 7]);
  });

  it("takes in the same message once", () => {
    const thread = withMessage(window(9, 8), message(9, { body: "new" }));
    expect(order(thread)).toEqual([9, 8]);
    expect(thread.items[0]?.body).toBe("new");
  });

  it("keeps what did not change as it was", () => {
    const before = window(9, 6);
    const after = changed(before, "m6", { status: "read" });
    expect(after.items[0]).toBe(before.items[0]);
    expect(after.items.map((one) => one.status)).toEqual(["received", "received", "received", "read"]);
  });

  it("lets go what is far from where it grows, and knows that it is there", () => {
    const now = window(WINDOW + 100, 101);
    const up = joined(now, window(100, 61), "older", message(101));
    expect([up.items.length, up.items[0]?.seq, up.items.at(-1)?.seq]).toEqual([WINDOW, WINDOW + 60, 61]);
    expect([up.older, up.newer]).toEqual([true, true]);
    const down = joined(up, window(WINDOW + 100, WINDOW + 61), "newer", message(WINDOW + 60));
    expect(order(down)).toEqual(order(now));
    expect([down.older, down.newer]).toEqual([true, false]);
  });

  it("does not grow where it no longer is", () => {
    const now = window(900, 880);
    expect(joined(now, window(100, 61), "older", message(101))).toBe(now);
  });

  it("stays bounded while messages pour in", () => {
    let now = window(10, 1, { older: false });
    for (let seq = 11; seq < 3 * WINDOW; seq += 1) now = withMessage(now, message(seq));
    expect(now.items.length).toBeLessThanOrEqual(2 * WINDOW);
    expect([now.items[0]?.seq, now.older]).toEqual([3 * WINDOW - 1, true]);
  });
});

describe("the status of a message", () => {
  it.each([
    ["sent", "delivered", "delivered"],
    ["read", "delivered", "read"],
    ["delivered", "queued", "delivered"],
    ["sending", "queued", "queued"],
    ["queued", "cancelled", "cancelled"],
    ["sending", "failed", "failed"],
  ] as const)("%s, then %s: %s", (old, next, result) => {
    expect(later(old, next)).toBe(result);
  });
});

describe("lists of conversations", () => {
  const list = (...times: string[]): ConversationPages => ({
    pages: [
      {
        items: times.map((at, place) => ({
          id: `c${place}`,
          last_message_at: at,
        })) as unknown as Conversation[],
        next_cursor: null,
      },
    ],
    pageParams: [null],
  });
  const ids = (data: ConversationPages) => data.pages.flatMap((page) => page.items.map((one) => one.id));

  it("move a conversation up when it has a newer message, and not otherwise", () => {
    const data = list("2026-03-03", "2026-03-02", "2026-03-01");
    expect(ids(replaced(data, "c2", { last_message_at: "2026-03-04" }))).toEqual(["c2", "c0", "c1"]);
    expect(ids(replaced(data, "c2", { last_message_at: "2026-03-02T12" }))).toEqual(["c0", "c2", "c1"]);
    expect(ids(replaced(data, "c2", { unread_count: 3 }))).toEqual(["c0", "c1", "c2"]);
  });

  it("leave out what they do not have", () => {
    const data = list("2026-03-03");
    expect(replaced(data, "other", { unread_count: 1 })).toBe(data);
  });
});
