import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, it } from "vitest";
import type { ProsaEvent, Session } from "~/api/types";
import { applyEvent } from "~/live/reducer";
import { sessionName, sessionsQuery } from "./sessions";

const SHOP = { session_id: "shop", status: "connecting", wanted: true, qr: null, jid: null } as Session;
let client: QueryClient;
const all = () => client.getQueryData(sessionsQuery.queryKey);
const event = (name: string, payload: object, session = "shop") =>
  ({ id: "1-1", event: name, timestamp: 1, session, payload }) as ProsaEvent;

beforeEach(() => {
  client = new QueryClient();
  client.setQueryData(sessionsQuery.queryKey, [SHOP, { ...SHOP, session_id: "other" }]);
});

it("shows a QR code, and takes it away once the number is online", () => {
  applyEvent(client, event("session.qr", { qr: "2@abc", expires_at: "2026-01-01T00:00:20Z" }));
  expect(all()?.[0]).toMatchObject({ status: "qr", qr: "2@abc" });
  expect(all()?.[1]).toMatchObject({ status: "connecting", qr: null });
  applyEvent(client, event("session.status", { status: "open", jid: "551140000001:7@s.whatsapp.net" }));
  expect(all()?.[0]).toMatchObject({ status: "open", qr: null, phone: "551140000001" });
});

it("asks the API anew where the event does not tell all, and where the number is not known", () => {
  for (const session of ["shop", "new"]) {
    client.setQueryData(sessionsQuery.queryKey, [SHOP]);
    applyEvent(client, event("session.status", { status: "closed" }, session));
    expect(client.getQueryState(sessionsQuery.queryKey)?.isInvalidated).toBe(true);
  }
});

it("is called as its owner calls it, else as WhatsApp does, else by its phone", () => {
  const named = {
    session_id: "calm-pebble-7angg",
    name: "Loja",
    push_name: "Padaria",
    phone: "551140000001",
  };
  expect(sessionName(named)).toBe("Loja");
  expect(sessionName({ ...named, name: null })).toBe("Padaria");
  expect(sessionName({ ...named, name: null, push_name: null })).toBe("+55 11 4000-0001");
  expect(sessionName({ ...named, name: null, push_name: null, phone: null })).toBe("calm-pebble-7angg");
});

it("drops a number that was deleted, and bears events it does not know", () => {
  applyEvent(client, event("session.status", { status: "logged_out", reason: "deleted" }));
  applyEvent(client, event("something.new", {}));
  expect(all()?.map((one) => one.session_id)).toEqual(["other"]);
});
