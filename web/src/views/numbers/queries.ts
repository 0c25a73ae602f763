import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ok } from "~/api/client";
import type { Schemas, Session } from "~/api/types";
import { changeSession, sessionCalls } from "~/data/sessions";

/** Something that is asked of a number and answered by its new state. */
export function useSessionCall<V>(call: (values: V) => Promise<Session>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: (values: V) => changeSession(client, () => call(values)) });
}

/** The picture of the QR code that waits, as a data URL; anew for each code. */
export function qrPicture(session: Session) {
  return queryOptions({
    queryKey: ["qr", session.session_id, session.qr],
    enabled: session.qr !== null,
    gcTime: 60_000,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () =>
      `data:image/svg+xml,${encodeURIComponent(await sessionCalls.qrSvg(session.session_id))}`,
  });
}

export const passkeyCalls = {
  answer: (sessionId: string, body: Schemas["PasskeyAssertion"]) =>
    ok(api.POST("/sessions/{session_id}/passkey", { params: { path: { session_id: sessionId } }, body })),
  confirm: (sessionId: string) =>
    ok(api.POST("/sessions/{session_id}/passkey/confirm", { params: { path: { session_id: sessionId } } })),
};

/** What the snippet copied, if it is that. */
export function readAssertion(text: string): Schemas["PasskeyAssertion"] | null {
  const from = text.indexOf("{");
  const to = text.lastIndexOf("}");
  if (from < 0 || to < from) return null;
  try {
    const value = JSON.parse(text.slice(from, to + 1)) as Partial<Schemas["PasskeyAssertion"]>;
    const good =
      typeof value.id === "string" && typeof value.rawId === "string" && typeof value.response === "object";
    return good ? (value as Schemas["PasskeyAssertion"]) : null;
  } catch {
    return null;
  }
}

export type Condition = keyof typeof import("./strings").words["en"]["status"];

/** What a number's state is to a person: two of them are more than the API's status says. */
export function condition(session: Session): Condition {
  if (session.status === "connecting" && !session.wanted && !session.jid) return "new";
  if (session.status === "closed" && !session.wanted) return session.jid ? "stopped" : "new";
  return session.status;
}

/** What WhatsApp or the network said, in their words: Prosa puts it in brackets into its own English ones. */
export function reportedBy(session: Pick<Session, "status_detail">): string | null {
  return session.status_detail?.match(/\((.+)\)/)?.[1] ?? null;
}

/** Whether it is linked at WhatsApp, as far as is known. */
export function isLinked(session: Session): boolean {
  return session.jid !== null && session.status !== "logged_out";
}
