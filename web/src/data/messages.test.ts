import { describe, expect, it } from "vitest";
import type { Conversation, Message } from "~/api/types";
import { type ConversationPages, replaced } from "./conversations";
import { changed, later, type MessagePages, withMessage } from "./messages";

const message = (seq: number, change: Partial<Message> = {}) =>
  ({ id: `m${seq}`, seq, body: `${seq}`, status: "received", ...change }) as unknown as Message;
const pages = (...groups: number[][]): MessagePages => ({
  pages: groups.map((seqs, place) => ({
    items: seqs.map((seq) => message(seq)),
    next_cursor: place === groups.length - 1 ? "more" : `c${place}`,
  })),
  pageParams: groups.map(() => null),
});
const order = (data: MessagePages) => data.pages.map((page) => page.items.map((one) => one.seq));

describe("pages of messages", () => {
  it("take in a message where it belongs", () => {
    expect(order(withMessage(pages([9, 8], [6, 5]), message(10)))).toEqual([
      [10, 9, 8],
      [6, 5],
    ]);
    expect(order(withMessage(pages([9, 8], [6, 5]), message(7)))).toEqual([
      [9, 8],
      [7, 6, 5],
    ]);
    expect(order(withMessage(pages([9, 8], [6, 5]), message(2)))).toEqual([
      [9, 8],
      [6, 5],
    ]);
  });

  it("take in the same message once", () => {
    const data = withMessage(pages([9, 8]), message(9, { body: "new" }));
    expect(order(data)).toEqual([[9, 8]]);
    expect(data.pages[0]?.items[0]?.body).toBe("new");
  });

  it("keep what did not change as it was", () => {
    const before = pages([9, 8], [6, 5]);
    const after = changed(before, "m6", { status: "read" });
    expect(after.pages[0]).toBe(before.pages[0]);
    expect(after.pages[1]?.items.map((one) => one.status)).toEqual(["read", "received"]);
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
