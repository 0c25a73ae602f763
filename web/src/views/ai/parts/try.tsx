/** What a question would be answered with, before anybody asks it. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextField } from "~/ui/field";
import { Badge } from "~/ui/parts";
import { ErrorState } from "~/ui/states";
import { useDraft } from "../draft";
import { knowledgeCalls, tryQuestion } from "../queries";
import { words } from "../strings";
import { Passages } from "./passages";

export function Try() {
  const t = useStrings(words);
  const { session } = useDraft();
  const id = session.session_id;
  const [text, setText] = useState("");
  const ask = useMutation({
    mutationFn: async (question: string) => {
      const [frequent, found] = await Promise.all([
        tryQuestion(id, question),
        knowledgeCalls.search(id, question),
      ]);
      return { frequent, found };
    },
  });
  return (
    <aside className="card card-body stack ai-try" aria-label={t.tryTitle}>
      <header>
        <h2 className="ai-fold-title">{t.tryTitle}</h2>
        <p className="field-hint">{t.tryLead}</p>
      </header>
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) ask.mutate(text.trim());
        }}
      >
        <TextField label={t.question} value={text} onChange={setText} maxLength={500} />
        <div className="row">
          <Button type="submit" icon="send" isPending={ask.isPending}>
            {t.ask}
          </Button>
        </div>
      </Form>
      <div aria-live="polite" className="stack">
        {ask.error && <ErrorState error={ask.error} />}
        {ask.data && <Result {...ask.data} mode={session.settings.frequent?.mode ?? "off"} />}
      </div>
    </aside>
  );
}

function Result({
  frequent,
  found,
  mode,
}: {
  frequent: Awaited<ReturnType<typeof tryQuestion>>;
  found: Awaited<ReturnType<typeof knowledgeCalls.search>>;
  mode: string;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const given = frequent.passes && !frequent.unfit;
  return (
    <>
      <p>{given ? (mode === "on" ? t.trySure : t.tryOff) : frequent.answer ? t.tryNear : t.tryNone}</p>
      {frequent.answer && (
        <blockquote className="ai-quote">
          <strong>{frequent.title}</strong>
          <p>{frequent.answer}</p>
          {frequent.score !== null && <Badge>{format.number(Math.round(frequent.score * 100) / 100)}</Badge>}
        </blockquote>
      )}
      {!(given && mode === "on") && (
        <>
          <p>
            {found.passages.length === 0
              ? t.tryNoPassage
              : found.whole
                ? t.tryWhole
                : t.tryPassages(found.passages.length)}
          </p>
          <Passages passages={found.passages} />
        </>
      )}
    </>
  );
}
