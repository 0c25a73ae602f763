import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { EventOf } from "~/api/types";
import { doing, onTyping, onWritten } from "./typing";

const chat = { session_id: "shop", contact_jid: "55@s.whatsapp.net", contact_lid: "9@lid" };
const typing = (contact_jid: string, change: object = {}) =>
  onTyping({
    session: "shop",
    payload: { contact_jid, typing: true, recording: false, ...change },
  } as EventOf<"chat.typing">);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("tells who types under either address, until they stop, write, or it has passed", () => {
  typing("9@lid", { recording: true });
  expect(doing(chat)).toBe("recording");
  expect(doing({ ...chat, session_id: "other" })).toBeNull();
  typing("9@lid", { typing: false });
  expect(doing(chat)).toBeNull();

  typing("55@s.whatsapp.net");
  onWritten({ session: "shop", payload: chat } as unknown as EventOf<"message.received">);
  expect(doing(chat)).toBeNull();

  typing("9@lid");
  vi.advanceTimersByTime(20_000);
  typing("9@lid"); // still at it
  vi.advanceTimersByTime(20_000);
  expect(doing(chat)).toBe("typing");
  vi.advanceTimersByTime(6_000);
  expect(doing(chat)).toBeNull();
});
