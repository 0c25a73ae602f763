import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, authorizedFetch, ok } from "~/api/client";
import { ApiProblem } from "~/api/problem";
import type { Schemas } from "~/api/types";

export type Report = Schemas["UsageReport"];
export type Total = Schemas["UsageTotal"];
export type Messages = Schemas["MessageReport"];
export type MessageTotal = Schemas["MessageTotal"];
export type Budget = Schemas["BudgetView"];

export interface Span {
  /** Days, today among them. */
  days: number;
  /** Of one number only. */
  session: string | null;
}

const DAY = 86_400_000;

/** The days of a span as the API counts them (UTC), the oldest first. */
export function daysOf(days: number, now: number): string[] {
  return Array.from({ length: days }, (_, place) =>
    new Date(now - (days - 1 - place) * DAY).toISOString().slice(0, 10),
  );
}

function asked({ days, session }: Span) {
  const [from = ""] = daysOf(days, Date.now());
  return { from, ...(session ? { session } : {}) };
}

export const usageQuery = (span: Span, group: "day" | "session" | "purpose") =>
  queryOptions({
    queryKey: ["usage", span, group],
    staleTime: 0, // each visit looks anew
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ok(api.GET("/usage", { params: { query: { ...asked(span), group: [group] } }, signal })),
  });

export const messagesQuery = (span: Span, group: "day" | "session") =>
  queryOptions({
    queryKey: ["usage", span, "messages", group],
    staleTime: 0,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ok(api.GET("/usage/messages", { params: { query: { ...asked(span), group: [group] } }, signal })),
  });

export const budgetQuery = queryOptions({
  queryKey: ["usage", "budget"],
  staleTime: 0,
  queryFn: ({ signal }) => ok(api.GET("/usage/budget", { signal })),
});

export const putBudget = (body: Schemas["OwnBudget"]) => ok(api.PUT("/usage/budget", { body }));

/** Model calls by day, number, purpose and model, or messages by day and number: a table for a spreadsheet. */
export async function usageCsv(span: Span, what: "calls" | "messages"): Promise<Blob> {
  const query = new URLSearchParams(asked(span));
  const groups = what === "calls" ? ["day", "session", "purpose", "model"] : ["day", "session"];
  for (const group of groups) query.append("group", group);
  const path = what === "calls" ? "/usage.csv" : "/usage/messages.csv";
  const response = await authorizedFetch(`${location.origin}${path}?${query}`);
  if (!response.ok) throw ApiProblem.of(response, await response.json().catch(() => null));
  return response.blob();
}
