import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ErrorState, Loading } from "~/ui/states";
import { begin } from "../begun";

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
