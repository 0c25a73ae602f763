/** Binds the WebSocket to who is signed in and to the query caches. */
import type { QueryClient } from "@tanstack/react-query";
import { waitBeforeReading } from "~/api/client";
import type { ProsaEvent } from "~/api/types";
import { signIn } from "~/auth/sign-in";
import { forgetMeanwhile, keepMeanwhile, watchAnswers } from "~/data/meanwhile";
import { forgetWritten } from "~/data/outgoing";
import { FirstReads } from "./first-reads";
import { applyAgain, applyEvent } from "./reducer";
import { LiveSocket } from "./socket";

type Listener = (event: ProsaEvent) => void;
const listeners = new Set<Listener>();

/** Be told of each event after the caches took it: for what is not a cache, such as a sound. Returns the way out. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function createLive(client: QueryClient): LiveSocket {
  const reads = new FirstReads();
  const live = new LiveSocket({
    url: `${location.origin.replace(/^http/, "ws")}/ws`,
    token: (options) => signIn.accessToken(options),
    onReady: (ready) => {
      const lacking = ready.first ? reads.any : !ready.complete;
      reads.ready();
      if (!lacking) return;
      // What was read before may lack what happened since.
      forgetMeanwhile(client);
      void client.invalidateQueries();
    },
    onEvent: (event) => {
      keepMeanwhile(client, event);
      applyEvent(client, event);
      for (const listener of listeners) listener(event);
    },
  });
  watchAnswers(client, applyAgain);
  waitBeforeReading(() => reads.wait());
  live.state.subscribe(() => {
    if (live.state.get().kind === "waiting") reads.letThrough();
  });
  const follow = () => {
    const { kind } = signIn.state.get();
    if (kind === "signed-in") live.start();
    else if (kind === "signed-out" || kind === "first-start") {
      live.stop();
      reads.again();
      client.clear();
      forgetWritten();
    }
  };
  signIn.state.subscribe(follow);
  signIn.onToken = (token) => live.renew(token);
  addEventListener("online", () => live.retryNow());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") live.retryNow();
  });
  follow();
  return live;
}
