/** Below, while something is not saved: how much, and the two ways out. */
import { useEffect, useRef, useState } from "react";
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
  const [faulty, setFaulty] = useState(0);
  const count = Object.keys(draft.changes).length;
  const wrong = faulty > 0 && Object.entries(draft.changes).some(([path, value]) => !accepts(path, value));
  useShowFault(faulty);
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
          setFaulty(0);
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
              setFaulty(0);
              toast.good(t.saved);
            },
            onFault: (path) => {
              if (path) onFault(partOf(path));
              setFaulty((before) => before + 1);
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

/** Leads the keyboard and the eye to the first field that is at fault. */
function useShowFault(tries: number): void {
  const shown = useRef(0);
  useEffect(() => {
    if (tries === shown.current) return;
    shown.current = tries;
    requestAnimationFrame(() => {
      const field = document.querySelector<HTMLElement>(".ai [aria-invalid=true]");
      field?.closest("details")?.setAttribute("open", "");
      field?.scrollIntoView({ block: "center" });
      field?.focus();
    });
  }, [tries]);
}
