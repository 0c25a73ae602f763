import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "~/app/routes";

export const PARTS = [
  "instructions",
  "behaviour",
  "hours",
  "budget",
  "answers",
  "knowledge",
  "tools",
] as const;
export type Part = (typeof PARTS)[number];

export const aiRoutes = [
  /** Goes on to the number that was looked at last. */
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/ai",
    component: lazyRouteComponent(() => import("./view"), "AiStart"),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: "/ai/$sessionId/$part",
    component: lazyRouteComponent(() => import("./view")),
  }),
] as const;
