import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { asProblem } from "~/api/problem";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirm } from "~/ui/confirm";
import { Dialog } from "~/ui/dialog";
import { TextArea, TextField } from "~/ui/field";
import { Notice } from "~/ui/parts";
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
  async function close() {
    const yes =
      !(name || text || url) ||
      (await confirm({
        title: t.discardTitle,
        body: <p>{t.discardText}</p>,
        confirm: t.discard,
        danger: true,
      }));
    if (yes) onClose();
  }
  return (
    <Dialog title={t.paste} isOpen onClose={() => void close()} size="l">
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        {problem && (
          <div role="alert">
            <Notice tone="bad" title={problemText(problem).title}>
              {problemText(problem).detail}
            </Notice>
          </div>
        )}
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
        <div className="dialog-footer">
          <Button onPress={() => void close()}>{t.cancel}</Button>
          <Button type="submit" kind="primary" isPending={add.isPending}>
            {t.add}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
