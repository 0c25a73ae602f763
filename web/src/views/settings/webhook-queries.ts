import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ok } from "~/api/client";
import type { Schemas } from "~/api/types";

export type Webhook = Schemas["WebhookView"];
export type WebhookEvent = NonNullable<Schemas["WebhookCreate"]["events"]>[number];
export type Delivery = Schemas["DeliveryView"];
export type DeliveryState = Schemas["DeliveryState"];

const KEY = "webhooks";
const PAGE = 20;

/** Read anew at each visit: no event tells how deliveries fare. */
export const webhooksQuery = queryOptions({
  queryKey: [KEY],
  staleTime: 0,
  queryFn: ({ signal }) => ok(api.GET("/webhooks", { signal })),
});

export const secretQuery = (id: string) =>
  queryOptions({
    queryKey: [KEY, id, "secret"],
    staleTime: 0,
    gcTime: 0,
    queryFn: ({ signal }) => ok(api.GET("/webhooks/{webhook_id}/secret", { params: at(id), signal })),
  });

export const deliveriesQuery = (id: string, state: DeliveryState | null) =>
  infiniteQueryOptions({
    queryKey: [KEY, id, "deliveries", state],
    staleTime: 0,
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/webhooks/{webhook_id}/deliveries", {
          params: {
            ...at(id),
            query: { limit: PAGE, ...(state ? { state } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor || undefined,
    select: (data) => data.pages.flatMap((page) => page.items),
  });

export const webhookCalls = {
  create: (body: Schemas["WebhookCreate"]) => ok(api.POST("/webhooks", { body })),
  update: (id: string, body: Schemas["WebhookUpdate"]) =>
    ok(api.PATCH("/webhooks/{webhook_id}", { params: at(id), body })),
  remove: (id: string) => ok(api.DELETE("/webhooks/{webhook_id}", { params: at(id) })),
  test: (id: string) => ok(api.POST("/webhooks/{webhook_id}/test", { params: at(id) })),
  rotate: (id: string) => ok(api.POST("/webhooks/{webhook_id}/rotate-secret", { params: at(id) })),
  retry: (id: string, delivery: string) =>
    ok(
      api.POST("/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", {
        params: { path: { webhook_id: id, delivery_id: delivery } },
      }),
    ),
};

function at(id: string) {
  return { path: { webhook_id: id } };
}
