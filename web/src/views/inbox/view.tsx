/** The list of conversations beside the one that is open; on a phone one of them at a time. */
import { useQueryClient } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { live } from "~/app/live";
import { goOn } from "~/data/outgoing";
import { classes } from "~/ui/classes";
import { ConversationList } from "./parts/list";
import "./view.css";

/** How often Prosa is told that somebody watches; it believes that for 90 s. */
const WATCH_MS = 40_000;

/** Has the numbers show as online while a person has the inbox before them: only then WhatsApp tells who types. */
function useWatching() {
  useEffect(() => {
    const tell = () => document.visibilityState === "visible" && live().watching();
    tell();
    const timer = setInterval(tell, WATCH_MS);
    document.addEventListener("visibilitychange", tell);
    const unsubscribe = live().state.subscribe(tell); // also as soon as the connection is back
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tell);
      unsubscribe();
    };
  }, []);
}

export default function InboxView() {
  const { conversationId } = useParams({ strict: false });
  const client = useQueryClient();
  useWatching();
  useEffect(() => goOn(client), [client]);
  return (
    <div className={classes("inbox", conversationId && "inbox-open")}>
      <ConversationList {...(conversationId ? { open: conversationId } : {})} />
      <Outlet />
    </div>
  );
}
