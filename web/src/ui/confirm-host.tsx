import { useStore } from "~/app/store";
import { useStrings } from "~/i18n/strings";
import { Button } from "./button";
import { asked } from "./confirm";
import { Dialog } from "./dialog";
import { words } from "./strings";

/** Shows what `confirm` asks; once, in the root. */
export default function ConfirmHost() {
  const t = useStrings(words);
  const open = useStore(asked);
  if (!open) return null;
  const { question, answer } = open;
  return (
    <Dialog
      title={question.title}
      isOpen
      onClose={() => answer(false)}
      size="s"
      role="alertdialog"
      footer={
        <>
          <Button onPress={() => answer(false)} autoFocus>
            {t.cancel}
          </Button>
          <Button kind={question.danger ? "danger" : "primary"} onPress={() => answer(true)}>
            {question.confirm}
          </Button>
        </>
      }
    >
      {question.body}
    </Dialog>
  );
}
