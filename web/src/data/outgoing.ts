/**
 * What a person has written and Prosa has not taken yet: shown at once, sent in order, and kept where sending failed,
 * also over a reload. A second try is the same send (idempotency key), so nothing is said twice. Drafts are what has not
 * been sent at all.
 */
import type { QueryClient } from "@tanstack/react-query";
import { idempotencyKey } from "~/api/client";
import { ApiProblem, asProblem } from "~/api/problem";
import type { Schemas } from "~/api/types";
import { tabStorage } from "~/app/storage";
import { createStore } from "~/app/store";
import { ask } from "./meanwhile";
import { messageCalls, putMessage } from "./messages";

export interface Outgoing {
  key: string;
  conversation: string;
  body: Schemas["TextToConversation"];
  /** When it was written. */
  at: string;
  /** Why it was not sent; null: it is on its way. */
  problem: ApiProblem | null;
}

/** As it is kept over a reload. */
interface Kept extends Omit<Outgoing, "problem"> {
  /** It was on its way. */
  moving?: boolean;
}

/** What was on its way goes on by itself for so long after it was written; later its writer may not want it any more. */
const GO_ON_MS = 60_000;

const DRAFTS = "prosa.drafts";
const UNSENT = "prosa.unsent";

function kept<T>(name: string, none: T): T {
  try {
    return (JSON.parse(tabStorage.getItem(name) ?? "null") as T | null) ?? none;
  } catch {
    return none;
  }
}

function keep(name: string, value: unknown): void {
  try {
    tabStorage.setItem(name, JSON.stringify(value));
  } catch {
    // the tab's storage is full: it lives as long as the page
  }
}

/** A page that is left cuts what is on its way, and may still hear of that failure for so long. */
const LEAVING_MS = 3_000;
let leftAt = 0;
globalThis.addEventListener?.("beforeunload", () => {
  leftAt = Date.now();
});

/** Returns once the page is not being left: never, where it really is. */
async function staying(): Promise<void> {
  const wait = leftAt + LEAVING_MS - Date.now();
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
}

/** Keys of what was on its way when the page was loaded anew. */
const cut = new Set<string>();

/** Whether Prosa took what the last page sent is not known: to try again is the same send. */
function unsent(): Outgoing[] {
  const problem = new ApiProblem(0, "interrupted");
  return kept<Kept[]>(UNSENT, []).map(({ moving, ...one }) => {
    if (moving && Date.now() - Date.parse(one.at) < GO_ON_MS) cut.add(one.key);
    return { ...one, problem };
  });
}

export const outgoing = createStore<readonly Outgoing[]>(unsent());
outgoing.subscribe(() =>
  keep(
    UNSENT,
    outgoing.get().map(({ problem, ...one }): Kept => ({ ...one, moving: problem === null })),
  ),
);

/** What is being written, by conversation: it survives going to another one, signing in again, and a reload. */
const drafts = new Map<string, string>(Object.entries(kept<Record<string, string>>(DRAFTS, {})));

export const draftOf = (conversation: string): string => drafts.get(conversation) ?? "";

/** Keep what is being written; "" forgets it. */
export function keepDraft(conversation: string, text: string): void {
  if (text === draftOf(conversation)) return;
  if (text) drafts.set(conversation, text);
  else drafts.delete(conversation);
  keep(DRAFTS, Object.fromEntries(drafts));
}

/** The last send of each conversation: the next one waits for it, so that they arrive as they were written. */
const lines = new Map<string, Promise<void>>();

function change(key: string, problem: ApiProblem | null): void {
  outgoing.set(outgoing.get().map((one) => (one.key === key ? { ...one, problem } : one)));
}

export function drop(key: string): void {
  outgoing.set(outgoing.get().filter((one) => one.key !== key));
}

/** Show a text as being sent, and send it. */
export function sendText(client: QueryClient, conversation: string, body: Outgoing["body"]): Promise<void> {
  const one: Outgoing = {
    key: idempotencyKey(),
    conversation,
    body,
    at: new Date().toISOString(),
    problem: null,
  };
  outgoing.set([...outgoing.get(), one]);
  return inLine(client, one);
}

export function sendAgain(client: QueryClient, one: Outgoing): Promise<void> {
  change(one.key, null);
  return inLine(client, one);
}

/** Send what was on its way when the page was loaded anew; all else waits for a person. */
export function goOn(client: QueryClient): void {
  for (const one of outgoing.get()) if (cut.delete(one.key)) void sendAgain(client, one);
}

function inLine(client: QueryClient, one: Outgoing): Promise<void> {
  const before = lines.get(one.conversation) ?? Promise.resolve();
  const mine = before.then(async () => {
    try {
      await ask(
        client,
        () => messageCalls.send(one.conversation, one.body, one.key),
        (message) => {
          if (!outgoing.get().some((known) => known.key === one.key)) return; // another person signed in meanwhile
          putMessage(client, message);
          drop(one.key);
        },
      );
    } catch (error) {
      await staying(); // a page that is left keeps it as on its way
      change(one.key, asProblem(error));
    }
  });
  lines.set(one.conversation, mine);
  return mine;
}

/** Forget everything: somebody signed out. */
export function forgetWritten(): void {
  outgoing.set([]);
  drafts.clear();
  tabStorage.removeItem(DRAFTS);
  tabStorage.removeItem(UNSENT);
  lines.clear();
  cut.clear();
}
