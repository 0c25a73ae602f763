/** Marks a conversation as read while a person has it before them. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Conversation } from "~/api/types";
import { conversationCalls, putConversation } from "~/data/conversations";

/** Conversations that a person marked as unread and still looks at. */
export const keptUnread = new Set<string>();

export function useRead(conversation: Conversation, newest: string | undefined): void {
  const client = useQueryClient();
  const { id, unread_count } = conversation;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `newest`: each new message asks again
  useEffect(() => {
    if (!unread_count) return;
    const read = () => {
      if (document.visibilityState !== "visible" || keptUnread.has(id)) return;
      void conversationCalls.read(id).then(
        (answer) => putConversation(client, id, answer),
        () => {}, // it stays unread, and the next message or visit tries again
      );
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [client, id, unread_count, newest]);
  useEffect(() => () => void keptUnread.delete(id), [id]);
}
