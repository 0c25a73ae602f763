/** The first message to somebody: from which number, to which phone, and what to say. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { idempotencyKey } from "~/api/client";
import { asProblem } from "~/api/problem";
import type { Session } from "~/api/types";
import { messageCalls, sending } from "~/data/messages";
import { sessionName } from "~/data/sessions";
import { useStrings } from "~/i18n/strings";
import { TextArea } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { Notice } from "~/ui/parts";
import { PhoneField } from "~/ui/phone-field";
import { Select } from "~/ui/select";
import { words } from "../strings";

const MOST_CHARACTERS = 65_536;

interface Props {
  /** Linked ones, at least one. */
  numbers: readonly Session[];
  /** The number that the list shows; "": all of them. */
  chosen: string;
  onClose: () => void;
}

export default function NewDialog({ numbers, chosen, onClose }: Props) {
  const t = useStrings(words);
  const client = useQueryClient();
  const router = useRouter();
  const online = (one: Session) => one.status === "open";
  const [session, setSession] = useState(
    () =>
      (numbers.find((one) => one.session_id === chosen) ?? numbers.find(online) ?? numbers[0])?.session_id ??
      "",
  );
  const [to, setTo] = useState("");
  const [text, setText] = useState("");
  const [key, setKey] = useState(idempotencyKey);
  const from = numbers.find((one) => one.session_id === session);
  const send = useMutation({
    mutationFn: () => sending(client, () => messageCalls.sendTo(session, { to, text: text.trim() }, key)),
    onSuccess: (message) => {
      onClose();
      void router.navigate({
        to: "/inbox/$conversationId",
        params: { conversationId: message.conversation_id },
      });
    },
  });
  /** Another message than the last try's is another send. */
  function changing<T>(set: (value: T) => void): (value: T) => void {
    return (value) => {
      set(value);
      setKey(idempotencyKey());
      if (send.isError) send.reset();
    };
  }
  const refused = (name: string) => (send.error ? asProblem(send.error).field(name) : undefined);
  return (
    <FormDialog
      title={t.newTitle}
      changed={Boolean(to || text.trim())}
      onClose={onClose}
      onSave={() => send.mutate()}
      save={t.send}
      isPending={send.isPending}
      error={refused("to") || refused("text") ? null : send.error}
    >
      {numbers.length > 1 && (
        <Select
          label={t.newFrom}
          options={numbers.map((one) => ({ id: one.session_id, label: sessionName(one) }))}
          value={session}
          onChange={changing(setSession)}
        />
      )}
      {from && !online(from) && <Notice tone="warn" title={t.offlineNote} />}
      <PhoneField
        label={t.newTo}
        hint={t.newToHint}
        error={refused("to")}
        onChange={changing(setTo)}
        autoFocus
      />
      <TextArea
        label={t.message}
        error={refused("text")}
        value={text}
        onChange={changing(setText)}
        isRequired
        maxLength={MOST_CHARACTERS}
      />
    </FormDialog>
  );
}
