/** Asks when a text is to be sent; a time that the API refuses is told beside it. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { FURTHEST_DAYS, faultOf, furthest, localMinute, offered } from "../later";
import { words } from "../strings";

export default function LaterDialog({
  onSend,
  onClose,
}: {
  /** Fails with what the API says. */
  onSend: (at: Date) => Promise<void>;
  onClose: () => void;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const [opened] = useState(() => new Date());
  const [when, setWhen] = useState(() => localMinute(offered(opened)));
  const [tried, setTried] = useState(false);
  const send = useMutation({ mutationFn: onSend, onSuccess: onClose });
  const last = furthest(opened);
  const fault = when || tried ? faultOf(when, new Date()) : null;
  const faults = { past: t.laterPast, tooFar: t.laterTooFar(FURTHEST_DAYS, format.dateTime(last)) };
  const refused = send.error ? asProblem(send.error).field("send_at") : undefined;
  return (
    <FormDialog
      title={t.later}
      size="s"
      changed={false}
      onClose={onClose}
      onSave={() => {
        setTried(true);
        if (!faultOf(when, new Date())) send.mutate(new Date(when));
      }}
      save={t.laterSave}
      isPending={send.isPending}
      error={refused ? null : send.error}
    >
      <TextField
        label={t.laterWhen}
        hint={t.laterHint(FURTHEST_DAYS, format.dateTime(last))}
        type="datetime-local"
        min={localMinute(opened)}
        max={localMinute(last)}
        value={when}
        onChange={(next) => {
          send.reset();
          setWhen(next);
        }}
        error={fault ? faults[fault] : refused}
        autoFocus
      />
    </FormDialog>
  );
}
