/** Frequent answers, documents and tools: what only this view asks for. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, authorizedFetch, ok } from "~/api/client";
import { ApiProblem } from "~/api/problem";
import type { Schemas } from "~/api/types";

const PAGE = 50;
export type Answer = Schemas["FrequentAnswerView"];
export type Suggestion = Schemas["SuggestionView"];
export type Question = Schemas["QuestionView"];
export type Source = Schemas["SourceView"];
export type Tool = Schemas["ToolView"];

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/** A list that is read page by page. */
function pages<T>(
  key: readonly unknown[],
  read: (cursor: { cursor?: string; limit: number }, signal: AbortSignal) => Promise<Page<T>>,
) {
  return infiniteQueryOptions({
    queryKey: key,
    staleTime: 0, // no event tells of changes: each visit looks anew
    queryFn: ({ pageParam, signal }) =>
      read({ limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) }, signal),
    initialPageParam: "",
    getNextPageParam: (last: Page<T>) => last.next_cursor || undefined,
    select: (data) => data.pages.flatMap((page) => page.items),
  });
}

const at = (sessionId: string) => ({ path: { session_id: sessionId } });
const FREQUENT = "frequent-answers";

export const answersKey = (session: string) => [FREQUENT, session] as const;

export const answersQuery = (session: string, q: string) =>
  pages([...answersKey(session), "list", q], (page, signal) =>
    ok(
      api.GET("/frequent-answers", { params: { query: { session, ...(q ? { q } : {}), ...page } }, signal }),
    ),
  );

export const suggestionsQuery = (session: string) =>
  pages([...answersKey(session), "suggestions"], (page, signal) =>
    ok(api.GET("/frequent-answers/suggestions", { params: { query: { session, ...page } }, signal })),
  );

export const questionsQuery = (session: string, passed: boolean) =>
  pages([...answersKey(session), "questions", passed], (page, signal) =>
    ok(api.GET("/frequent-answers/questions", { params: { query: { session, passed, ...page } }, signal })),
  );

export const reportQuery = (session: string, days: number) =>
  queryOptions({
    queryKey: [...answersKey(session), "report", days],
    staleTime: 0,
    queryFn: ({ signal }) =>
      ok(api.GET("/frequent-answers/report", { params: { query: { session, days } }, signal })),
  });

export const phrasingsQuery = (answerId: string) =>
  pages([FREQUENT, "phrasings", answerId], (page, signal) =>
    ok(
      api.GET("/frequent-answers/{answer_id}/phrasings", {
        params: { path: { answer_id: answerId }, query: page },
        signal,
      }),
    ),
  );

/** What a number's calls of this month (UTC) came to. */
export const spentQuery = (session: string) =>
  queryOptions({
    queryKey: ["usage", "month", session],
    staleTime: 0,
    queryFn: ({ signal }) => {
      const from = `${new Date().toISOString().slice(0, 7)}-01`;
      return ok(api.GET("/usage", { params: { query: { from, session, group: ["session"] } }, signal }));
    },
  });

export type Tried = Schemas["TriedAnswer"];

export const tryAnswer = (session: string, body: Schemas["TryRequest"]) =>
  ok(api.POST("/sessions/{session_id}/try", { params: at(session), body }));

export const tryQuestion = (session_id: string, text: string) =>
  ok(api.POST("/frequent-answers/try", { body: { session_id, text } }));

export const answerCalls = {
  create: (body: Schemas["FrequentAnswerIn"]) => ok(api.POST("/frequent-answers", { body })),
  update: (id: string, body: Schemas["FrequentAnswerPatch"]) =>
    ok(api.PATCH("/frequent-answers/{answer_id}", { params: { path: { answer_id: id } }, body })),
  remove: (id: string) =>
    ok(api.DELETE("/frequent-answers/{answer_id}", { params: { path: { answer_id: id } } })),
  addPhrasings: (id: string, texts: string[]) =>
    ok(
      api.POST("/frequent-answers/{answer_id}/phrasings", {
        params: { path: { answer_id: id } },
        body: { texts },
      }),
    ),
  removePhrasing: (id: string, phrasing: string) =>
    ok(
      api.DELETE("/frequent-answers/{answer_id}/phrasings/{phrasing_id}", {
        params: { path: { answer_id: id, phrasing_id: phrasing } },
      }),
    ),
  approve: (id: string, body: Schemas["SuggestionApproval"]) =>
    ok(
      api.POST("/frequent-answers/suggestions/{suggestion_id}/approve", {
        params: { path: { suggestion_id: id } },
        body,
      }),
    ),
  dismiss: (id: string) =>
    ok(
      api.POST("/frequent-answers/suggestions/{suggestion_id}/dismiss", {
        params: { path: { suggestion_id: id } },
      }),
    ),
  judge: (id: string, verdict: "right" | "wrong" | null) =>
    ok(
      api.PUT("/frequent-answers/questions/{question_id}/verdict", {
        params: { path: { question_id: id } },
        body: { verdict },
      }),
    ),
  importCsv: (file: File) => upload<Schemas["Imported"]>("/frequent-answers/import", file),
  exportCsv: async (session: string): Promise<Blob> => {
    const response = await authorizedFetch(
      `${location.origin}/frequent-answers/export?session=${encodeURIComponent(session)}`,
    );
    if (!response.ok) throw ApiProblem.of(response, await response.json().catch(() => null));
    return response.blob();
  },
};

export const knowledgeKey = (session: string) => ["knowledge", session] as const;

export const knowledgeQuery = (session: string) =>
  pages(knowledgeKey(session), (query, signal) =>
    ok(api.GET("/sessions/{session_id}/knowledge", { params: { ...at(session), query }, signal })),
  );

export const knowledgeCalls = {
  add: (session: string, body: Schemas["SourceIn"]) =>
    ok(api.POST("/sessions/{session_id}/knowledge", { params: at(session), body })),
  upload: (session: string, file: File) =>
    upload<Source>(`/sessions/${encodeURIComponent(session)}/knowledge/documents`, file),
  remove: (session: string, source_id: string) =>
    ok(
      api.DELETE("/sessions/{session_id}/knowledge/{source_id}", {
        params: { path: { session_id: session, source_id } },
      }),
    ),
  search: (session: string, q: string) =>
    ok(api.GET("/sessions/{session_id}/knowledge/search", { params: { ...at(session), query: { q } } })),
};

export const toolsQuery = (session: string) =>
  queryOptions({
    queryKey: ["tools", session],
    queryFn: ({ signal }) => ok(api.GET("/sessions/{session_id}/tools", { params: at(session), signal })),
  });

export const toolCallsQuery = (session: string) =>
  pages(["tools", session, "calls"], (query, signal) =>
    ok(api.GET("/sessions/{session_id}/tool-calls", { params: { ...at(session), query }, signal })),
  );

export const toolCalls = {
  create: (session: string, body: Schemas["ToolCreate"]) =>
    ok(api.POST("/sessions/{session_id}/tools", { params: at(session), body })),
  update: (tool: Tool, body: Schemas["ToolUpdate"]) =>
    ok(api.PATCH("/sessions/{session_id}/tools/{tool_id}", { params: of(tool), body })),
  remove: (tool: Tool) => ok(api.DELETE("/sessions/{session_id}/tools/{tool_id}", { params: of(tool) })),
  try: (tool: Tool, values: Record<string, unknown>) =>
    ok(
      api.POST("/sessions/{session_id}/tools/{tool_id}/try", {
        params: of(tool),
        body: { arguments: values } as Schemas["ToolTry"],
      }),
    ),
};

function of(tool: Tool) {
  return { path: { session_id: tool.session_id, tool_id: tool.id } };
}

async function upload<T>(path: string, file: File): Promise<T> {
  const body = new FormData();
  body.append("file", file);
  const response = await authorizedFetch(`${location.origin}${path}`, { method: "POST", body });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw ApiProblem.of(response, answer);
  return answer as T;
}
