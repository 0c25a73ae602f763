import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useState } from "react";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { SearchField } from "~/ui/field";
import { Badge } from "~/ui/parts";
import { saveFile } from "~/ui/save-file";
import { Empty, Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import { words } from "../answers-strings";
import { useDraft } from "../draft";
import { type Answer, answerCalls, answersKey, answersQuery } from "../queries";
import { More } from "./more";

const AnswerDialog = lazy(() => import("./answer-dialog"));

export function AnswerList() {
  const t = useStrings(words);
  const client = useQueryClient();
  const id = useDraft().session.session_id;
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Answer | "new" | null>(null);
  const query = useInfiniteQuery(answersQuery(id, useDeferredValue(search.trim())));
  const importing = useMutation({
    mutationFn: answerCalls.importCsv,
    onSuccess: (told) => {
      void client.invalidateQueries({ queryKey: answersKey(id) });
      toast.good(t.imported(told.answers_added, told.answers_changed, told.phrasings_added));
    },
    onError: toast.problem,
  });
  const exporting = useMutation({
    mutationFn: () => answerCalls.exportCsv(id),
    onSuccess: (blob) => saveFile(blob, `frequent-answers-${id}.csv`),
    onError: toast.problem,
  });
  return (
    <div className="stack">
      <div className="ai-tools">
        <SearchField label={t.search} value={search} onChange={setSearch} />
        <div className="row">
          <FileTrigger
            acceptedFileTypes={[".csv", "text/csv"]}
            onSelect={(files) => files?.[0] && importing.mutate(files[0])}
          >
            <Button isPending={importing.isPending}>{t.importCsv}</Button>
          </FileTrigger>
          <Button isPending={exporting.isPending} onPress={() => exporting.mutate()}>
            {t.exportCsv}
          </Button>
          <Button kind="primary" icon="plus" onPress={() => setOpen("new")}>
            {t.add}
          </Button>
        </div>
      </div>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="quote" title={search ? t.nothingFound : t.emptyTitle}>
              <p>{search ? t.nothingFoundText : t.emptyText}</p>
            </Empty>
          ) : (
            <ul className="card ai-list" aria-label={t.list}>
              {all.map((answer) => (
                <li key={answer.id}>
                  <button type="button" className="ai-list-item" onClick={() => setOpen(answer)}>
                    <span className="ai-list-title">{answer.title}</span>
                    <span className="ai-list-text">{answer.answer}</span>
                    <span className="row">
                      <Badge>{t.phrasings(answer.phrasings)}</Badge>
                      {answer.session_id === null && <Badge tone="info">{t.everywhere}</Badge>}
                      {!answer.enabled && <Badge tone="warn">{t.notGiven}</Badge>}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <More query={query}>{t.more}</More>
      <Suspense>
        {open && <AnswerDialog answer={open === "new" ? null : open} onClose={() => setOpen(null)} />}
      </Suspense>
    </div>
  );
}
