/** The number's documents: add, see how they stand, remove; and what a question would find in them. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { FileTrigger } from "react-aria-components/FileTrigger";
import { Form } from "react-aria-components/Form";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { TextField } from "~/ui/field";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { Badge, Section } from "~/ui/parts";
import { Empty, ErrorState, Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import { useDraft } from "../draft";
import { words } from "../knowledge-strings";
import { knowledgeCalls, knowledgeKey, knowledgeQuery, type Source } from "../queries";
import { Fold } from "./fold";
import { More } from "./more";
import { Passages } from "./passages";
import { Setting } from "./setting";

const SourceDialog = lazy(() => import("./source-dialog"));
const TONES = { indexing: "info", ready: "good", failed: "warn" } as const;

export default function Knowledge() {
  const t = useStrings(words);
  const client = useQueryClient();
  const id = useDraft().session.session_id;
  const [pasting, setPasting] = useState(false);
  const query = useInfiniteQuery(knowledgeQuery(id));
  const upload = useMutation({
    mutationFn: async (files: File[]) => {
      for (const file of files) toast.good(t.uploaded((await knowledgeCalls.upload(id, file)).name));
    },
    onSettled: () => client.invalidateQueries({ queryKey: knowledgeKey(id) }),
    onError: toast.problem,
  });
  const indexing = query.data?.some((one) => one.status === "indexing");
  return (
    <div className="stack">
      <p className="section-lead">{t.lead}</p>
      <Setting path="knowledge.enabled" />
      <div className="row">
        <FileTrigger
          allowsMultiple
          acceptedFileTypes={[".pdf", ".md", ".markdown", ".txt", "application/pdf", "text/plain"]}
          onSelect={(files) => files?.length && upload.mutate([...files])}
        >
          <Button kind="primary" icon="attach" isPending={upload.isPending}>
            {t.upload}
          </Button>
        </FileTrigger>
        <Button icon="edit" onPress={() => setPasting(true)}>
          {t.paste}
        </Button>
        {indexing && (
          <Button kind="quiet" icon="refresh" onPress={() => void query.refetch()}>
            {t.refresh}
          </Button>
        )}
      </div>
      <p className="field-hint">{t.dropped}</p>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="book" title={t.emptyTitle}>
              <p>{t.emptyText}</p>
            </Empty>
          ) : (
            <>
              <ul className="card ai-list" aria-label={t.documents}>
                {all.map((source) => (
                  <Document key={source.id} source={source} />
                ))}
              </ul>
              <TrySearch />
            </>
          )
        }
      </Loaded>
      <More query={query}>{t.more}</More>
      <Fold title={t.fine}>
        <Setting path="knowledge.whole_tokens" />
        <Setting path="knowledge.passage_tokens" />
        <Setting path="knowledge.embeddings" />
      </Fold>
      <Suspense>{pasting && <SourceDialog onClose={() => setPasting(false)} />}</Suspense>
    </div>
  );
}

function Document({ source }: { source: Source }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => knowledgeCalls.remove(source.session_id, source.id),
    onSuccess: () => client.invalidateQueries({ queryKey: knowledgeKey(source.session_id) }),
  });
  const ask = () =>
    confirmed(
      {
        title: t.removeTitle(source.name),
        body: <p>{t.removeText}</p>,
        confirm: t.removeConfirm,
        danger: true,
      },
      () => remove.mutateAsync(),
    );
  return (
    <li className="ai-document" aria-label={source.name}>
      <Icon name="book" className="ai-document-icon" />
      <span className="ai-document-text">
        <span className="ai-list-title">{source.name}</span>
        <span className="field-hint">{t.size(format.number(source.tokens), source.pieces)}</span>
        {source.error && <span className="field-error">{source.error}</span>}
      </span>
      <Badge tone={TONES[source.status]}>{t.status[source.status]}</Badge>
      <IconButton
        icon="trash"
        label={t.remove(source.name)}
        isDisabled={remove.isPending}
        onPress={() => void ask()}
      />
    </li>
  );
}

function TrySearch() {
  const t = useStrings(words);
  const id = useDraft().session.session_id;
  const [text, setText] = useState("");
  const search = useMutation({ mutationFn: (question: string) => knowledgeCalls.search(id, question) });
  return (
    <Section title={t.tryTitle} lead={t.tryLead}>
      <div className="stack">
        <Form
          className="ai-search"
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim()) search.mutate(text.trim());
          }}
        >
          <TextField label={t.question} value={text} onChange={setText} maxLength={500} />
          <Button type="submit" icon="search" isPending={search.isPending}>
            {t.search}
          </Button>
        </Form>
        <div aria-live="polite" className="stack">
          {search.error && <ErrorState error={search.error} />}
          {search.data && (
            <>
              <p>
                {search.data.passages.length === 0
                  ? t.none
                  : search.data.whole
                    ? t.whole
                    : t.found(search.data.passages.length)}
              </p>
              <Passages passages={search.data.passages} />
            </>
          )}
        </div>
      </div>
    </Section>
  );
}
