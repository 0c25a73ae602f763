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

export type ApiKey = Schemas["ApiKeyOut"];
export type NewApiKey = Schemas["NewApiKeyOut"];

/** Read anew each time the page is opened: no event tells when a key was used. */
export const apiKeysQuery = queryOptions({
  queryKey: ["api-keys"],
  staleTime: 0,
  queryFn: async ({ signal }): Promise<ApiKey[]> => {
    const keys: ApiKey[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await ok(
        api.GET("/api-keys", { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } }, signal }),
      );
      keys.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return keys;
  },
});

export const apiKeyCalls = {
  make: (body: Schemas["ApiKeyIn"]) => ok(api.POST("/api-keys", { body })),
  change: (id: string, body: Schemas["ApiKeyPatch"]) =>
    ok(api.PATCH("/api-keys/{key_id}", { params: { path: { key_id: id } }, body })),
  revoke: (id: string) => ok(api.DELETE("/api-keys/{key_id}", { params: { path: { key_id: id } } })),
};
