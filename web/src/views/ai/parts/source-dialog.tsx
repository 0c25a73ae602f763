import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useStrings } from "~/i18n/strings";
import { TextArea, TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { useDraft } from "../draft";
import { words } from "../knowledge-strings";
import { knowledgeCalls, knowledgeKey } from "../queries";

/** Adds a pasted text as a document. */
export default function SourceDialog({ onClose }: { onClose: () => void }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const id = useDraft().session.session_id;
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const [url, setUrl] = useState("");
  const add = useMutation({
    mutationFn: () =>
      knowledgeCalls.add(id, { name: name.trim(), text, format: "markdown", ...(url ? { url } : {}) }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: knowledgeKey(id) });
      onClose();
    },
  });
  const problem = add.error ? asProblem(add.error) : null;
  return (
    <FormDialog
      title={t.paste}
      size="l"
      changed={Boolean(name || text || url)}
      onClose={onClose}
      onSave={() => add.mutate()}
      save={t.add}
      isPending={add.isPending}
      error={add.error}
    >
      <TextField
        label={t.name}
        hint={t.nameHint}
        value={name}
        onChange={setName}
        maxLength={200}
        isRequired
        autoFocus
        error={problem?.field("name")}
      />
      <TextArea
        label={t.text}
        value={text}
        onChange={setText}
        rows={12}
        isRequired
        error={problem?.field("text")}
      />
      <TextField
        label={t.url}
        hint={t.urlHint}
        value={url}
        onChange={setUrl}
        inputMode="url"
        maxLength={2000}
        error={problem?.field("url")}
      />
    </FormDialog>
  );
}
