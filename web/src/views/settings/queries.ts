import { queryOptions } from "@tanstack/react-query";
import { api, ok } from "~/api/client";

/** What the installation runs on; read anew each time the page is opened, since no event tells of it. */
export const systemQuery = queryOptions({
  queryKey: ["system"],
  staleTime: 0,
  queryFn: ({ signal }) => ok(api.GET("/system", { signal })),
});
