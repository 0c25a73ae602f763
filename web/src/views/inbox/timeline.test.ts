import { describe, expect, it } from "vitest";
import type { Message } from "~/api/types";
import { allowed, coordinates, firstUnread, ownReaction, reactions, timeline } from "./timeline";

let next = 0;
function message(change: Partial<Message> = {}): Message {
  next += 1;
  return {
    id: `id-${next}`,
    wa_id: `wa-${next}`,
    seq: next,
    author: "contact",
    sender_jid: "1@s.whatsapp.net",
    from_me: false,
    type: "text",
    body: `text ${next}`,
    status: "received",
    created_at: "2026-03-02T12:00:00Z",
    quoted_wa_id: null,
    revoked_at: null,
    ...change,
  } as unknown as Message;
}

const shown = (messages: Message[]) =>
  timeline(messages).map((item) =>
    item.kind !== "message" ? item.kind : `${item.first ? "+" : " "}${item.message.body}`,
  );

describe("the timeline", () => {
  it("puts messages in order, whatever the order they come in", () => {
    const [a, b, c] = [message(), message(), message()];
    expect(shown([c, a, b])).toEqual(["day", `+${a.body}`, ` ${b.body}`, ` ${c.body}`]);
  });

  it("names a writer anew after another one, a while, and a day", () => {
    const a = message();
    const b = message({ author: "ai", from_me: true });
    const c = message({ created_at: "2026-03-02T12:04:00Z" });
    const d = message({ created_at: "2026-03-02T12:30:00Z" });
    const e = message({ created_at: "2026-03-03T12:30:00Z" });
    expect(shown([a, b, c, d, e]).map((one) => one.charAt(0))).toEqual(["d", "+", "+", "+", "+", "d", "+"]);
  });

  it("says where what nobody had read begins", () => {
    const [a, b, c, d] = [message(), message({ from_me: true }), message(), message()] as const;
    const from = firstUnread([d, c, b, a], 2);
    expect(from).toBe(c.seq);
    expect(timeline([a, b, c, d], from).map((item) => item.kind)).toEqual([
      "day", "message", "message", "unread", "message", "message",
    ]); // biome-ignore format: one line
    expect(firstUnread([b, a], 5)).toBe(a.seq); // more than is loaded
    expect(firstUnread([b, a], 0)).toBeNull();
  });

  it("leaves out reactions, which hang on their message", () => {
    expect(timeline([message(), message({ type: "reaction" })])).toHaveLength(2);
  });
});

describe("reactions", () => {
  const by = (emoji: string, from_me = false) => ({
    id: emoji,
    from_me,
    sender_jid: "x",
    sender_name: null,
    emoji,
  });

  it("are shown once each, with how many they are", () => {
    const one = message({ reactions: [by("👍"), by("❤️"), by("❤️", true)] });
    expect(reactions(one)).toEqual(["👍", "❤️ 2"]);
    expect(ownReaction(one)).toBe("❤️");
    expect([reactions(message()), ownReaction(message())]).toEqual([[], ""]);
  });
});

describe("what WhatsApp takes of a message", () => {
  const at = Date.parse("2026-03-02T12:00:00Z");
  const after = (minutes: number, change: Partial<Message> = {}) => {
    const { react, edit, remove } = allowed(
      message({ from_me: true, status: "sent", ...change }),
      at + minutes * 60_000,
    );
    return [react && "react", edit && "edit", remove && "remove"].filter(Boolean).join(" ");
  };

  it.each([
    ["a text of one's own", 1, {}, "react edit remove"],
    ["after 15 minutes", 15, {}, "react remove"],
    ["just before", 14.9, {}, "react edit remove"],
    ["after 60 hours", 60 * 60, {}, "react"],
    ["a file", 1, { type: "image" }, "react remove"],
    ["read", 1, { status: "read" }, "react edit remove"],
    ["not sent yet", 1, { status: "queued" }, ""],
    ["being sent", 1, { status: "sending" }, ""],
    ["failed", 1, { status: "failed" }, ""],
    ["to be sent later", 1, { status: "scheduled", wa_id: "" }, ""],
    ["deleted", 1, { revoked_at: "2026-03-02T12:00:30Z" }, ""],
    ["the contact's", 1, { from_me: false, status: "received" }, "react"],
  ] as const)("%s", (_, minutes, change, expected) => expect(after(minutes, change)).toBe(expected));
});

describe("texts", () => {
  it("reads where a place is", () => {
    expect(coordinates("Padaria\n-23.550520, -46.633308")).toEqual({
      latitude: "-23.550520",
      longitude: "-46.633308",
    });
    expect(coordinates("Padaria")).toBeNull();
  });
});
