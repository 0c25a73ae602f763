/**
 * The tree that views hang their routes on. All client routes stand under `/app/`, where the API has nothing: a link,
 * a reload and a bookmark always reach the console, and `/sessions` always the API.
 */
import { createRootRoute, createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";

export const rootRoute = createRootRoute();

/** Everything that needs a signed-in person, inside the shell with its navigation. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  component: lazyRouteComponent(() => import("./shell"), "Shell"),
});

export const indexRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/inbox", replace: true });
  },
});
