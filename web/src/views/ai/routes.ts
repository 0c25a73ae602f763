import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const aiRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/ai",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
