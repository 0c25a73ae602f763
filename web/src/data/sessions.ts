/** Linked numbers: one cache holds them all, in the order they were made. */
import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { api, ok } from "~/api/client";
import type { EventOf, Session } from "~/api/types";
import { formatPhone } from "~/i18n/phone";
import { ask } from "./meanwhile";

const PAGE = 100;

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  meta: { live: true },
  queryFn: async ({ signal }): Promise<Session[]> => {
    const sessions: Session[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await ok(
        api.GET("/sessions", { params: { query: { limit: PAGE, ...(cursor ? { cursor } : {}) } }, signal }),
      );
      sessions.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return sessions;
  },
});

export function useSessions() {
  return useQuery(sessionsQuery);
}

/** One number; `data` is null where there is none of this name. */
export function useSession(sessionId: string) {
  return useQuery({
    ...sessionsQuery,
    select: (all) => all.find((one) => one.session_id === sessionId) ?? null,
  });
}

/** What a person calls a number: its phone says more to them than the id that Prosa made up. */
export function sessionName(session: Pick<Session, "name" | "push_name" | "phone" | "session_id">): string {
  return (
    session.name ?? session.push_name ?? (session.phone ? formatPhone(session.phone) : session.session_id)
  );
}

/** Put what the API answered into the cache. */
export function putSession(client: QueryClient, session: Session): void {
  client.setQueryData(sessionsQuery.queryKey, (all) => {
    if (!all) return undefined;
    const known = all.some((one) => one.session_id === session.session_id);
    return known
      ? all.map((one) => (one.session_id === session.session_id ? session : one))
      : [...all, session];
  });
}

export function dropSession(client: QueryClient, sessionId: string): void {
  client.setQueryData(sessionsQuery.queryKey, (all) => all?.filter((one) => one.session_id !== sessionId));
}

export const sessionCalls = {
  create: (body: { session_id?: string; name?: string | null }) => ok(api.POST("/sessions", { body })),
  update: (sessionId: string, body: { name?: string | null; settings?: Session["settings"] }) =>
    ok(api.PATCH("/sessions/{session_id}", { ...at(sessionId), body })),
  connect: (sessionId: string, body: { method: "qr" | "code"; phone?: string }) =>
    ok(
      api.POST("/sessions/{session_id}/connect", {
        params: { path: { session_id: sessionId }, query: { wait: 5 } },
        body,
      }),
    ),
  restart: (sessionId: string) => ok(api.POST("/sessions/{session_id}/restart", at(sessionId))),
  stop: (sessionId: string) => ok(api.POST("/sessions/{session_id}/stop", at(sessionId))),
  logout: (sessionId: string) => ok(api.POST("/sessions/{session_id}/logout", at(sessionId))),
  remove: (sessionId: string) => ok(api.DELETE("/sessions/{session_id}", at(sessionId))),
  /** Remove a number that was never linked and has nothing; refused where that is not so. */
  removeUnused: (sessionId: string) =>
    ok(
      api.DELETE("/sessions/{session_id}", {
        params: { path: { session_id: sessionId }, query: { unused: true } },
      }),
    ),
  /** The picture of a QR code, as SVG text. */
  qrSvg: (sessionId: string) =>
    ok<unknown>(
      api.GET("/sessions/{session_id}/qr", {
        params: { path: { session_id: sessionId }, query: { format: "svg" } },
        parseAs: "text",
      }),
    ) as Promise<string>,
};

function at(sessionId: string) {
  return { params: { path: { session_id: sessionId } } };
}

/** Ask for something to be done with a number, and put the answer into the cache. */
export function changeSession(client: QueryClient, call: () => Promise<Session>): Promise<Session> {
  return ask(client, call, (session) => putSession(client, session));
}

/** Change a number in the cache; false: it is not there. */
function patch(client: QueryClient, event: { session: string | null }, change: Partial<Session>): boolean {
  let known = false;
  client.setQueryData(sessionsQuery.queryKey, (all) =>
    all?.map((one) => {
      if (one.session_id !== event.session) return one;
      known = true;
      return { ...one, ...change };
    }),
  );
  return known;
}

export function applyStatus(client: QueryClient, event: EventOf<"session.status">): void {
  const { status, reason, detail, jid, lid, push_name } = event.payload;
  if (reason === "deleted") {
    if (event.session !== null) dropSession(client, event.session);
    return;
  }
  patch(client, event, {
    status: status as Session["status"],
    status_reason: reason ?? null,
    status_detail: detail ?? null,
    ...(jid ? { jid, phone: jid.split(/[:@]/)[0] ?? null } : {}),
    ...(lid ? { lid } : {}),
    ...(push_name ? { push_name } : {}),
    ...(status === "qr" ? {} : { qr: null, qr_expires_at: null }),
    ...(status === "pairing" ? {} : { pairing_code: null, pairing_code_expires_at: null }),
    ...(status === "passkey" ? {} : { passkey: null }),
  });
}

export function onStatus(client: QueryClient, event: EventOf<"session.status">): void {
  applyStatus(client, event);
  // the event says nothing of what is wanted, nor of the AI
  if (event.payload.reason !== "deleted") void client.invalidateQueries(sessionsQuery);
}

export function applyQr(client: QueryClient, event: EventOf<"session.qr">): boolean {
  return patch(client, event, {
    status: "qr",
    qr: event.payload.qr,
    qr_expires_at: event.payload.expires_at,
  });
}

export function onQr(client: QueryClient, event: EventOf<"session.qr">): void {
  if (!applyQr(client, event)) void client.invalidateQueries(sessionsQuery);
}

export function applyPairingCode(client: QueryClient, event: EventOf<"session.pairing_code">): boolean {
  const { pairing_code, expires_at } = event.payload;
  return patch(client, event, { status: "pairing", pairing_code, pairing_code_expires_at: expires_at });
}

export function onPairingCode(client: QueryClient, event: EventOf<"session.pairing_code">): void {
  if (!applyPairingCode(client, event)) void client.invalidateQueries(sessionsQuery);
}

export function onPasskey(client: QueryClient, _event: EventOf<"session.passkey_required">): void {
  void client.invalidateQueries(sessionsQuery); // the steps and the snippet are in the REST API
}
