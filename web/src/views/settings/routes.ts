import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const settingsRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/settings",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
