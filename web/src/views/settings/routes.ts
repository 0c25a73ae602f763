import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const PARTS = ["you", "people", "appearance", "keys", "api-keys", "webhooks", "system"] as const;
export type Part = (typeof PARTS)[number];

export const settingsRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/settings",
    beforeLoad: () => {
      throw redirect({ to: "/settings/$part", params: { part: "you" }, replace: true });
    },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/settings/$part",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
