import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Conversation, ProsaEvent } from "~/api/types";
import { applyEvent } from "~/live/reducer";
import { conversationsQuery } from "./conversations";

const LIST = { pages: [{ items: [{ id: "known" } as Conversation], next_cursor: null }], pageParams: [null] };
let client: QueryClient;
let asked: Record<"all" | "unread", number>;
let answer: () => Promise<unknown>;

const updated = (id: string) =>
  applyEvent(client, {
    id: "1-1",
    event: "conversation.updated",
    session: "shop",
    payload: { id },
  } as ProsaEvent);

beforeEach(() => {
  vi.useFakeTimers();
  client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  asked = { all: 0, unread: 0 };
  answer = () => Promise.resolve(LIST);
  for (const [name, filter] of [
    ["all", {}],
    ["unread", { unread: true }],
  ] as const) {
    const { queryKey } = conversationsQuery(filter);
    client.setQueryData(queryKey, LIST as never);
    new QueryObserver(client, {
      queryKey,
      queryFn: () => {
        asked[name] += 1;
        return answer();
      },
    } as never).subscribe(() => {});
  }
});
afterEach(() => {
  client.clear();
  vi.useRealTimers();
});

it("reads lists anew for a conversation that none of them has, at once, and then once for many", async () => {
  updated("new");
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual({ all: 1, unread: 1 });
  for (let n = 0; n < 50; n += 1) updated(`new-${n}`);
  await vi.advanceTimersByTimeAsync(499);
  expect(asked.all).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked.all).toBe(2);
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked.all).toBe(2);
});

it("reads only lists by state anew for one that is shown", async () => {
  updated("known");
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual({ all: 0, unread: 1 });
});

it("lets a slow answer come, however many messages pour in", async () => {
  const waiting: ((list: unknown) => void)[] = [];
  updated("new");
  await vi.advanceTimersByTimeAsync(0);
  answer = () => new Promise((resolve) => waiting.push(resolve));
  for (let n = 0; n < 40; n += 1) {
    updated(`new-${n}`);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(asked.all).toBe(2);
  for (const give of waiting) give(LIST);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked.all).toBe(3); // for what came while it was on its way
});
