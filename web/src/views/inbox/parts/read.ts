/** Marks a conversation as read while a person has it before them. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Conversation } from "~/api/types";
import { changeConversation, conversationCalls } from "~/data/conversations";

/** Conversations that a person marked as unread and still looks at. */
export const keptUnread = new Set<string>();

/** `newest`: the newest message before the person; undefined: it is not shown, so nobody has read it. */
export function useRead(conversation: Conversation, newest: string | undefined): void {
  const client = useQueryClient();
  const { id, unread_count } = conversation;
  useEffect(() => {
    if (!unread_count || newest === undefined) return;
    const read = () => {
      if (document.visibilityState !== "visible" || keptUnread.has(id)) return;
      // where that fails it stays unread, and the next message or visit tries again
      void changeConversation(client, id, () => conversationCalls.read(id)).catch(() => {});
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [client, id, unread_count, newest]);
  useEffect(() => () => void keptUnread.delete(id), [id]);
}
