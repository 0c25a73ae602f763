import { useState } from "react";
import { Form } from "react-aria-components/Form";
import type { Session } from "~/api/types";
import { sessionCalls } from "~/data/sessions";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Dialog } from "~/ui/dialog";
import { TextField } from "~/ui/field";
import { useSessionCall } from "../queries";
import { words } from "../strings";

export function Rename({ session, onClose }: { session: Session; onClose: () => void }) {
  const t = useStrings(words);
  const [name, setName] = useState(session.name ?? "");
  const update = useSessionCall((value: string) =>
    sessionCalls.update(session.session_id, { name: value.trim() || null }),
  );
  return (
    <Dialog title={t.rename} isOpen onClose={onClose} size="s">
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          update.mutate(name, { onSuccess: onClose });
        }}
      >
        <TextField
          label={t.name}
          hint={t.nameHint}
          value={name}
          onChange={setName}
          maxLength={120}
          autoFocus
          error={update.error ? problemText(update.error).title : undefined}
        />
        <div className="dialog-footer">
          <Button onPress={onClose}>{t.cancel}</Button>
          <Button type="submit" kind="primary" isPending={update.isPending}>
            {t.save}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
