import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const numbersRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/numbers",
    component: lazyRouteComponent(() => import("./view")),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/numbers/link",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
