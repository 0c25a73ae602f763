/** Who the contact is: name, number, what the AI keeps in mind, notes, and what can be done with the conversation. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import type { Conversation, Schemas } from "~/api/types";
import { changeConversation, contactName, conversationCalls, dropConversation } from "~/data/conversations";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { Dialog } from "~/ui/dialog";
import { TextArea, TextField } from "~/ui/field";
import { Switch } from "~/ui/switch";
import { toast } from "~/ui/toast";
import { words } from "../strings";
import { keptUnread } from "./read";

export default function ContactPanel({
  conversation,
  onClose,
}: {
  conversation: Conversation;
  onClose: () => void;
}) {
  const t = useStrings(words);
  const client = useQueryClient();
  const router = useRouter();
  const id = conversation.id;
  const [name, setName] = useState(conversation.contact_name ?? "");
  const [notes, setNotes] = useState(conversation.notes ?? "");
  const change = (body: Schemas["ConversationUpdate"]) =>
    changeConversation(client, id, () => conversationCalls.update(id, body));
  const save = useMutation({
    mutationFn: () =>
      change({
        ...(name.trim() && name.trim() !== conversation.contact_name ? { contact_name: name.trim() } : {}),
        ...(notes === (conversation.notes ?? "") ? {} : { notes }),
      }),
    onSuccess: () => {
      toast.good(t.saved);
      onClose();
    },
    onError: toast.problem,
  });
  const toggle = useMutation({
    mutationFn: (ai_enabled: boolean) => change({ ai_enabled }),
    onError: toast.problem,
  });

  async function markUnread() {
    keptUnread.add(id);
    try {
      await changeConversation(client, id, () => conversationCalls.unread(id));
      onClose();
    } catch (error) {
      keptUnread.delete(id);
      toast.problem(error);
    }
  }

  const erase = () =>
    confirmed(
      {
        title: t.eraseTitle(contactName(conversation, formatPhone)),
        body: <p>{t.eraseText}</p>,
        confirm: t.eraseConfirm,
        danger: true,
      },
      async () => {
        await conversationCalls.remove(id);
        await router.navigate({ to: "/inbox" });
        dropConversation(client, id);
      },
      t.erased,
    );

  return (
    <Dialog
      title={t.details}
      isOpen
      onClose={onClose}
      footer={
        <Button kind="primary" isPending={save.isPending} onPress={() => save.mutate()}>
          {t.save}
        </Button>
      }
    >
      <div className="inbox-panel">
        {conversation.contact_phone && (
          <p className="inbox-panel-phone">{formatPhone(conversation.contact_phone)}</p>
        )}
        <TextField label={t.name} value={name} onChange={setName} maxLength={200} />
        <TextArea
          label={t.notes}
          hint={t.notesHint}
          value={notes}
          onChange={setNotes}
          maxLength={4000}
          rows={4}
        />
        {conversation.kind !== "status" && conversation.kind !== "channel" && (
          <Switch isSelected={conversation.ai_enabled} onChange={(on) => toggle.mutate(on)}>
            {t.aiHere}
          </Switch>
        )}
        <section>
          <h3>{t.summary}</h3>
          <p className="inbox-summary">{conversation.summary ?? t.noSummary}</p>
        </section>
        <div className="row">
          <Button size="s" icon="tag" onPress={() => void markUnread()}>
            {t.markUnread}
          </Button>
          <Button size="s" icon="trash" kind="danger" onPress={() => void erase()}>
            {t.erase}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
