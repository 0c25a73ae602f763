/** What is asked often and has no frequent answer yet. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Badge } from "~/ui/parts";
import { Empty, Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import { words } from "../answers-strings";
import { useDraft } from "../draft";
import { answerCalls, answersKey, type Suggestion, suggestionsQuery } from "../queries";
import { More } from "./more";

const AnswerDialog = lazy(() => import("./answer-dialog"));

export default function Suggestions() {
  const t = useStrings(words);
  const { session } = useDraft();
  const [open, setOpen] = useState<Suggestion | null>(null);
  const query = useInfiniteQuery(suggestionsQuery(session.session_id));
  const off = (session.settings.frequent?.mode ?? "off") === "off";
  return (
    <div className="stack">
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="quote" title={t.noSuggestions}>
              <p>{off ? t.noSuggestionsOff : t.noSuggestionsText}</p>
            </Empty>
          ) : (
            <ul className="stack" aria-label={t.suggestions}>
              {all.map((one) => (
                <Card key={one.id} suggestion={one} onEdit={() => setOpen(one)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <More query={query}>{t.more}</More>
      <Suspense>{open && <AnswerDialog suggestion={open} onClose={() => setOpen(null)} />}</Suspense>
    </div>
  );
}

function Card({ suggestion, onEdit }: { suggestion: Suggestion; onEdit: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const id = useDraft().session.session_id;
  const done = (told: string) => () => {
    void client.invalidateQueries({ queryKey: answersKey(id) });
    toast.good(told);
  };
  const approve = useMutation({
    mutationFn: () => answerCalls.approve(suggestion.id, {}),
    onSuccess: done(t.approved),
    onError: toast.problem,
  });
  const dismiss = useMutation({
    mutationFn: () => answerCalls.dismiss(suggestion.id),
    onSuccess: done(t.dismissed),
    onError: toast.problem,
  });
  const others = suggestion.examples.filter((example) => example !== suggestion.title);
  return (
    <li className="card card-body stack" aria-label={suggestion.title}>
      <div>
        <h3>{suggestion.title}</h3>
        <p className="row field-hint">
          <Badge tone="info">{t.asked(suggestion.count)}</Badge>
          {t.askedLast(format.relative(suggestion.last_asked_at))}
        </p>
      </div>
      {others.length > 0 && (
        <ul className="ai-examples">
          {others.map((example) => (
            <li key={example}>{example}</li>
          ))}
        </ul>
      )}
      {suggestion.draft && (
        <blockquote className="ai-quote">
          <span className="ai-quote-by">{t.draftBy[suggestion.draft_by]}</span>
          <p>{suggestion.draft}</p>
        </blockquote>
      )}
      <div className="row">
        <Button
          kind="primary"
          icon="check"
          isDisabled={!suggestion.draft}
          isPending={approve.isPending}
          onPress={() => approve.mutate()}
        >
          {t.approve}
        </Button>
        <Button icon="edit" onPress={onEdit}>
          {t.edit}
        </Button>
        <Button kind="quiet" isPending={dismiss.isPending} onPress={() => dismiss.mutate()}>
          {t.dismiss}
        </Button>
      </div>
    </li>
  );
}
