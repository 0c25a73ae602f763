import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

const inbox = createRoute({
  getParentRoute: () => shellRoute,
  path: "/inbox",
  component: lazyRouteComponent(() => import("./view")),
});

export const inboxRoutes = [
  inbox.addChildren([
    createRoute({
      getParentRoute: () => inbox,
      path: "/",
      component: lazyRouteComponent(() => import("./parts/nothing"), "Nothing"),
    }),
    createRoute({
      getParentRoute: () => inbox,
      path: "/$conversationId",
      /** `at`: the `seq` of the message to show. */
      validateSearch: (search): { at?: number } => {
        const at = Number(search.at);
        return Number.isSafeInteger(at) && at !== 0 ? { at } : {};
      },
      component: lazyRouteComponent(() => import("./parts/thread"), "ThreadPage"),
    }),
  ]),
] as const;
