import { QueryClient } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";

const BODY = { text: "Bom dia", pause_ai: true };
const sent: string[] = [];
const values = new Map<string, string>();
const storage = {
  getItem: (key: string) => values.get(key) ?? null,
  setItem: (key: string, value: string) => void values.set(key, value),
  removeItem: (key: string) => void values.delete(key),
};

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

async function answer(key: string): Promise<never> {
  sent.push(key);
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
