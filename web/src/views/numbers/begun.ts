/**
 * The number that "Link a number" is about: one that was begun and never linked, else a new one. Whoever leaves without
 * linking wanted none, so what this tab made for it goes again; the server makes sure that nothing is lost by that.
 */
import type { QueryClient } from "@tanstack/react-query";
import type { Session } from "~/api/types";
import { tabStorage } from "~/app/storage";
import { changeSession, dropSession, sessionCalls, sessionsQuery } from "~/data/sessions";

const MADE = "prosa.numbers-made";

let beginning: Promise<string> | null = null;
let leaving: Promise<void> = Promise.resolve();

/** The number to link. Asked twice at once, it is one. */
export function begin(client: QueryClient): Promise<string> {
  beginning ??= (async () => {
    await leaving;
    const all = await client.fetchQuery({ ...sessionsQuery, staleTime: 0 });
    const begun = all.find(neverLinked);
    if (begun) return begun.session_id;
    const { session_id } = await changeSession(client, () => sessionCalls.create({}));
    remember([...made(), session_id]);
    return session_id;
  })().finally(() => {
    beginning = null;
  });
  return beginning;
}

/** Say that a person left the linking of a number: if it was made for that alone, it is removed. */
export function leave(client: QueryClient, sessionId: string): void {
  if (!made().includes(sessionId)) return;
  const session = client.getQueryData(sessionsQuery.queryKey)?.find((one) => one.session_id === sessionId);
  // A pairing code may have been noted down, and a passkey be on its way: both work without this page.
  if (session && neverLinked(session) && (session.status === "pairing" || session.status === "passkey"))
    return;
  remember(made().filter((one) => one !== sessionId));
  if (!session || !neverLinked(session)) return;
  leaving = sessionCalls.removeUnused(sessionId).then(
    () => dropSession(client, sessionId),
    () => undefined, // linked at the last moment, or Prosa cannot be reached: it stays, and is offered next time
  );
}

export function neverLinked(session: Session): boolean {
  return session.jid === null && session.last_connected_at === null && session.status !== "logged_out";
}

function made(): string[] {
  return tabStorage.getItem(MADE)?.split(" ") ?? [];
}

function remember(ids: string[]): void {
  if (ids.length) tabStorage.setItem(MADE, ids.join(" "));
  else tabStorage.removeItem(MADE);
}
