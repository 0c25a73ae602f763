/** Below, while something is not saved: how much, and the two ways out. */
import { useState } from "react";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirm } from "~/ui/confirm";
import { toast } from "~/ui/toast";
import { useDraft } from "../draft";
import { accepts, partOf } from "../settings";
import { words } from "../strings";

export function SaveBar({ onFault }: { onFault: (part: ReturnType<typeof partOf>) => void }) {
  const t = useStrings(words);
  const draft = useDraft();
  const [tried, setTried] = useState(false);
  const count = Object.keys(draft.changes).length;
  const wrong = tried && Object.entries(draft.changes).some(([path, value]) => !accepts(path, value));
  if (count === 0) return null;
  return (
    <section className="ai-save" aria-label={t.changes(count)}>
      <div className="ai-save-text" role="status">
        <strong>{t.changes(count)}</strong>
        {wrong || draft.problem ? (
          <span className="field-error">
            {draft.problem ? <Refused error={draft.problem} /> : t.toCorrect}
          </span>
        ) : (
          <span className="field-hint">{t.changesHint}</span>
        )}
      </div>
      <Button
        kind="quiet"
        onPress={async () => {
          const yes = await confirm({
            title: t.discardTitle,
            body: <p>{t.discardText}</p>,
            confirm: t.discard,
            danger: true,
          });
          if (!yes) return;
          setTried(false);
          draft.discard();
        }}
      >
        {t.discard}
      </Button>
      <Button
        kind="primary"
        isPending={draft.isPending}
        onPress={() =>
          draft.save({
            onSaved: () => {
              setTried(false);
              toast.good(t.saved);
            },
            onFault: (path) => {
              if (path) onFault(partOf(path));
              setTried(true);
            },
          })
        }
      >
        {t.save}
      </Button>
    </section>
  );
}

function Refused({ error }: { error: unknown }) {
  return useProblemText(error).title;
}
