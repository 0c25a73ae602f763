import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const inboxRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/inbox",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
