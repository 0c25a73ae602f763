import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const usageRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/usage",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
