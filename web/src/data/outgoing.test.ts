import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, it, vi } from "vitest";

const BODY = { text: "Bom dia", pause_ai: true };
const sent: string[] = [];
const values = new Map<string, string>();
const storage = {
  getItem: (key: string) => values.get(key) ?? null,
  setItem: (key: string, value: string) => void values.set(key, value),
  removeItem: (key: string) => void values.delete(key),
};

beforeEach(() => {
  values.clear();
  sent.length = 0;
  answers = true;
});

/** The module as a page that was just loaded has it; the tab's storage is the same. */
async function load() {
  vi.resetModules();
  vi.doMock("~/app/storage", () => ({ storage, tabStorage: storage }));
  vi.doMock("./messages", () => ({
    putMessage: () => {},
    messageCalls: { send: (_: string, __: object, key: string) => answer(key) },
  }));
  return import("./outgoing");
}

let answers = true;

async function answer(key: string): Promise<never> {
  sent.push(key);
  if (!answers) return new Promise(() => {});
  throw (await import("~/api/problem")).ApiProblem.offline();
}

it("keeps over a reload what was not sent, and tries again under the same key", async () => {
  const before = await load();
  await before.sendText(new QueryClient(), "c1", BODY);
  expect(before.outgoing.get()[0]?.problem?.code).toBe("offline");

  const after = await load();
  const [one] = after.outgoing.get();
  if (!one) throw new Error("it was lost");
  expect(one).toMatchObject({ conversation: "c1", body: BODY });
  expect(one.problem?.code).toBe("interrupted");
  await after.sendAgain(new QueryClient(), one);
  expect(sent).toEqual([one.key, one.key]);

  after.forgetWritten();
  expect((await load()).outgoing.get()).toEqual([]);
});

it("goes on with what was on its way, not with what failed nor with what is old", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    const before = await load();
    await before.sendText(new QueryClient(), "c1", BODY);
    const failed = before.outgoing.get()[0]?.key;
    answers = false;
    void before.sendText(new QueryClient(), "c2", BODY);
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    const key = sent[1];
    expect(key).not.toBe(failed);

    vi.setSystemTime(Date.now() + 59_000);
    const after = await load();
    expect(after.outgoing.get().map((one) => one.problem?.code)).toEqual(["interrupted", "interrupted"]);
    after.goOn(new QueryClient());
    after.goOn(new QueryClient()); // a view that is shown again
    await vi.waitFor(() => expect(sent).toHaveLength(3));
    expect(sent[2]).toBe(key);
    expect(after.outgoing.get().map((one) => one.problem?.code)).toEqual(["interrupted", undefined]);

    vi.setSystemTime(Date.now() + 2_000);
    const late = await load();
    late.goOn(new QueryClient());
    await Promise.resolve();
    expect(sent).toHaveLength(3);
    expect(late.outgoing.get().map((one) => one.problem?.code)).toEqual(["interrupted", "interrupted"]);
  } finally {
    vi.useRealTimers();
  }
});

it("takes what fails while the page is left for on its way still, unless the page stays", async () => {
  const listeners = new Map<string, () => void>();
  vi.stubGlobal("addEventListener", (name: string, heard: () => void) => listeners.set(name, heard));
  vi.useFakeTimers();
  try {
    const before = await load();
    listeners.get("beforeunload")?.();
    void before.sendText(new QueryClient(), "c1", BODY);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(1);

    const after = await load();
    after.goOn(new QueryClient());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual([sent[0], sent[0]]);

    expect(before.outgoing.get()[0]?.problem).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(before.outgoing.get()[0]?.problem?.code).toBe("offline");
  } finally {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  }
});
