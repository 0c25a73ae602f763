/**
 * What each event changes in the query caches: one table, typed by Prosa's AsyncAPI document. An event that is not in it
 * changes nothing that the console shows.
 *
 * Reducers live beside the queries they change (`data/*.ts`); they write what the event tells and ask the API only
 * where it does not tell enough.
 */
import type { QueryClient } from "@tanstack/react-query";
import type { EventName, EventOf, ProsaEvent } from "~/api/types";
import * as conversations from "~/data/conversations";
import * as messages from "~/data/message-events";
import * as sessions from "~/data/sessions";
import * as typing from "~/data/typing";

export type Reducer<N extends EventName> = (client: QueryClient, event: EventOf<N>) => void;
type Table = { [N in EventName]?: Reducer<N> };

const REDUCERS: Table = {
  "session.status": sessions.onStatus,
  "session.qr": sessions.onQr,
  "session.pairing_code": sessions.onPairingCode,
  "session.passkey_required": sessions.onPasskey,
  "chat.typing": (_, event) => typing.onTyping(event),
  "message.received": (client, event) => {
    typing.onWritten(event);
    messages.onMessage(client, event);
  },
  "message.sent": messages.onMessage,
  "message.status": messages.onStatus,
  "conversation.updated": conversations.onUpdated,
  "conversation.paused": conversations.onPauseChanged,
  "conversation.resumed": conversations.onPauseChanged,
  "conversation.deleted": conversations.onDeleted,
};

/** What events do once more to an answer that may be older than they are (`data/meanwhile.ts`): nothing is asked for. */
const AGAIN: Table = {
  "session.status": sessions.applyStatus,
  "session.qr": sessions.applyQr,
  "session.pairing_code": sessions.applyPairingCode,
  "message.received": messages.onMessage,
  "message.sent": messages.onMessage,
  "message.status": messages.applyStatus,
  "conversation.updated": conversations.applyUpdated,
  "conversation.deleted": conversations.onDeleted,
};

function apply(table: Table, client: QueryClient, event: ProsaEvent): void {
  const reduce = table[event.event] as Reducer<EventName> | undefined;
  reduce?.(client, event);
}

export const applyEvent = (client: QueryClient, event: ProsaEvent): void => apply(REDUCERS, client, event);
export const applyAgain = (client: QueryClient, event: ProsaEvent): void => apply(AGAIN, client, event);
