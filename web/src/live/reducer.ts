/**
 * What each event changes in the query caches. One table, closed over the events of Prosa's AsyncAPI document: the
 * compiler names an event that is forgotten here.
 *
 * Reducers live beside the queries they change (`data/*.ts`); they write what the event tells and ask the API only
 * where it does not tell enough.
 */
import type { QueryClient } from "@tanstack/react-query";
import type { EventName, EventOf, ProsaEvent } from "~/api/types";
import * as sessions from "~/data/sessions";

export type Reducer<N extends EventName> = (client: QueryClient, event: EventOf<N>) => void;

const nothing = () => {};

const REDUCERS: { [N in EventName]: Reducer<N> } = {
  "session.status": sessions.onStatus,
  "session.qr": sessions.onQr,
  "session.pairing_code": sessions.onPairingCode,
  "session.passkey_required": sessions.onPasskey,
  "message.received": nothing,
  "message.sent": nothing,
  "message.status": nothing,
  "conversation.updated": nothing,
  "conversation.deleted": nothing,
  "ai.skipped": nothing,
  "ai.replied": nothing,
  "ai.failed": nothing,
};

export function applyEvent(client: QueryClient, event: ProsaEvent): void {
  const reduce = REDUCERS[event.event] as Reducer<EventName> | undefined;
  reduce?.(client, event); // a newer server may send events that this console does not know
}
