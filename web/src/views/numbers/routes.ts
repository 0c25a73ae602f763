import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { queryClient } from "~/app/live";
import { shellRoute } from "~/app/routes";

export const numbersRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/numbers",
    component: lazyRouteComponent(() => import("./view")),
  }),
  /** Makes a number (or finds one that was begun) and goes on to its linking. */
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/numbers/link",
    component: lazyRouteComponent(() => import("./parts/begin"), "Begin"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/numbers/$sessionId/link",
    component: lazyRouteComponent(() => import("./parts/link"), "LinkPage"),
    onLeave: ({ params }) => void import("./begun").then(({ leave }) => leave(queryClient, params.sessionId)),
  }),
] as const;
