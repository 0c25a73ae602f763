import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, authorizedFetch, ok } from "~/api/client";
import { ApiProblem } from "~/api/problem";
import type { Schemas } from "~/api/types";

export type Report = Schemas["UsageReport"];
export type Total = Schemas["UsageTotal"];

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

/** All totals by day, number, purpose and model, as a table for a spreadsheet. */
export async function usageCsv(span: Span): Promise<Blob> {
  const query = new URLSearchParams(asked(span));
  for (const group of ["day", "session", "purpose", "model"]) query.append("group", group);
  const response = await authorizedFetch(`${location.origin}/usage.csv?${query}`);
  if (!response.ok) throw ApiProblem.of(response, await response.json().catch(() => null));
  return response.blob();
}
