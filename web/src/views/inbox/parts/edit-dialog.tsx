/** A new text for a message of one's own. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Message } from "~/api/types";
import { messageCalls } from "~/data/messages";
import { useStrings } from "~/i18n/strings";
import { TextArea } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { words } from "../strings";

export default function EditDialog({ message, onClose }: { message: Message; onClose: () => void }) {
  const t = useStrings(words);
  const [text, setText] = useState(message.body);
  const said = text.trim();
  const changed = said !== message.body;
  const save = useMutation({ mutationFn: () => messageCalls.edit(message.id, said), onSuccess: onClose });
  return (
    <FormDialog
      title={t.edit}
      changed={changed}
      onClose={onClose}
      onSave={() => (changed && said ? save.mutate() : onClose())}
      save={t.save}
      isPending={save.isPending}
      error={save.error}
    >
      <TextArea label={t.editText} hint={t.editHint} value={text} onChange={setText} autoFocus />
    </FormDialog>
  );
}
