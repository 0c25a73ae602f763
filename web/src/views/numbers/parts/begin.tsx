import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { changeSession, sessionCalls, sessionsQuery } from "~/data/sessions";
import { ErrorState, Loading } from "~/ui/states";
import { condition } from "../queries";

let beginning: Promise<string> | null = null;

/** The number to link: one that was begun and never linked, else a new one. Asked twice at once, it is one. */
function begin(client: QueryClient): Promise<string> {
  beginning ??= (async () => {
    const all = await client.fetchQuery({ ...sessionsQuery, staleTime: 0 });
    const begun = all.find((session) => session.jid === null && ["new", "qr"].includes(condition(session)));
    if (begun) return begun.session_id;
    return (await changeSession(client, () => sessionCalls.create({}))).session_id;
  })().finally(() => {
    beginning = null;
  });
  return beginning;
}

export function Begin() {
  const client = useQueryClient();
  const router = useRouter();
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `tries` asks for another try
  useEffect(() => {
    let here = true;
    setError(null);
    begin(client).then(
      (sessionId) =>
        here &&
        void router.navigate({ to: "/numbers/$sessionId/link", params: { sessionId }, replace: true }),
      (problem) => here && setError(problem),
    );
    return () => {
      here = false;
    };
  }, [client, router, tries]);
  return error ? <ErrorState error={error} onRetry={() => setTries(tries + 1)} /> : <Loading fill />;
}
