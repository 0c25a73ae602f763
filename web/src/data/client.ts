/** The caches of what the API said. Events keep them current, so nothing is polled. */
import { QueryClient } from "@tanstack/react-query";
import { asProblem } from "~/api/problem";

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 60_000,
        gcTime: 15 * 60_000,
        networkMode: "always", // Prosa may run on this very machine, which browsers call offline without a network
        refetchOnWindowFocus: false,
        refetchOnReconnect: false, // the WebSocket says what was missed
        retry: (count, error) => count < 2 && asProblem(error).passing,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}
