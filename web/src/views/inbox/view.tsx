/** The list of conversations beside the one that is open; on a phone one of them at a time. */
import { Outlet, useParams } from "@tanstack/react-router";
import { classes } from "~/ui/classes";
import { ConversationList } from "./parts/list";
import "./view.css";

export default function InboxView() {
  const { conversationId } = useParams({ strict: false });
  return (
    <div className={classes("inbox", conversationId && "inbox-open")}>
      <ConversationList {...(conversationId ? { open: conversationId } : {})} />
      <Outlet />
    </div>
  );
}
