/** A dialog that is a form: it asks before typed text is lost, says what went wrong, and has its buttons below. */
import type { ReactNode } from "react";
import { Form } from "react-aria-components/Form";
import { asProblem } from "~/api/problem";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "./button";
import { confirm } from "./confirm";
import { Dialog, type DialogProps } from "./dialog";
import { Notice } from "./parts";
import { words } from "./strings";

export interface FormDialogProps extends Pick<DialogProps, "title" | "size"> {
  /** Whether closing loses something. */
  changed: boolean;
  onClose: () => void;
  onSave: () => void;
  /** The name of the button that saves. */
  save: string;
  isPending: boolean;
  /** What the last try to save failed with. */
  error: unknown;
  /** A button at the other end, such as one that removes what is edited. */
  extra?: ReactNode;
  children: ReactNode;
}

export default function FormDialog({
  title,
  size = "m",
  changed,
  onClose,
  onSave,
  save,
  isPending,
  error,
  extra,
  children,
}: FormDialogProps) {
  const t = useStrings(words);
  async function close() {
    const yes =
      !changed ||
      (await confirm({
        title: t.discardTitle,
        body: <p>{t.discardText}</p>,
        confirm: t.discard,
        danger: true,
      }));
    if (yes) onClose();
  }
  return (
    <Dialog title={title} isOpen onClose={() => void close()} size={size}>
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          event.stopPropagation(); // React tells also a form that the dialog was opened from
          if (!isPending) onSave();
        }}
      >
        {children}
        {error ? <Refused error={error} /> : null}
        <div className="dialog-footer">
          {extra && <span className="dialog-extra">{extra}</span>}
          <Button onPress={() => void close()}>{t.cancel}</Button>
          <Button type="submit" kind="primary" isPending={isPending}>
            {save}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

/** Beside the buttons, where whoever pressed one looks. */
export function Refused({ error, title: own }: { error: unknown; title?: string }) {
  const { title, detail, remedy } = useProblemText(error);
  const field = asProblem(error).firstField;
  return (
    <div role="alert">
      <Notice tone="bad" title={own ?? title}>
        {field ?? detail ?? remedy ?? (own && title)}
      </Notice>
    </div>
  );
}
