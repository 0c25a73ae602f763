import { queryOptions } from "@tanstack/react-query";
import { api, ok } from "~/api/client";
import type { Schemas } from "~/api/types";

/** What the installation runs on; read anew each time the page is opened, since no event tells of it. */
export const systemQuery = queryOptions({
  queryKey: ["system"],
  staleTime: 0,
  queryFn: ({ signal }) => ok(api.GET("/system", { signal })),
});

export type ProviderKey = Schemas["ProviderKeyView"];

export const keysQuery = queryOptions({
  queryKey: ["provider-keys"],
  queryFn: ({ signal }) => ok(api.GET("/provider-keys", { signal })),
});

export const keyCalls = {
  put: (provider: string, body: Schemas["ProviderKeyPut"]) =>
    ok(api.PUT("/provider-keys/{provider}", { params: { path: { provider } }, body })),
  remove: ({ provider, scope }: ProviderKey) =>
    ok(api.DELETE("/provider-keys/{provider}", { params: { path: { provider }, query: { scope } } })),
};
