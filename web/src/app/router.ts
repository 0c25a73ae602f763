import { createRouter } from "@tanstack/react-router";
import { Loading } from "~/ui/states";
import { aiRoutes } from "~/views/ai/routes";
import { inboxRoutes } from "~/views/inbox/routes";
import { numbersRoutes } from "~/views/numbers/routes";
import { settingsRoutes } from "~/views/settings/routes";
import { usageRoutes } from "~/views/usage/routes";
import { Failed, Missing } from "./failed";
import { indexRoute, rootRoute, shellRoute } from "./routes";

const tree = rootRoute.addChildren([
  shellRoute.addChildren([
    indexRoute,
    ...inboxRoutes,
    ...numbersRoutes,
    ...aiRoutes,
    ...usageRoutes,
    ...settingsRoutes,
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  basepath: "/app",
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  defaultPendingMs: 200,
  defaultErrorComponent: Failed,
  defaultNotFoundComponent: Missing,
  scrollRestoration: false, // each view scrolls inside itself
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
