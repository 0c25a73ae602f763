/** What frequent answers did, or in shadow mode would have done; and a person's verdicts. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { ChoiceGroup } from "~/ui/choice";
import { Badge } from "~/ui/parts";
import { Empty, Loaded } from "~/ui/states";
import { toast } from "~/ui/toast";
import { words } from "../answers-strings";
import { useDraft } from "../draft";
import { answerCalls, answersKey, type Question, questionsQuery, reportQuery } from "../queries";
import { More } from "./more";

const PERIODS = ["7", "30", "90"] as const;

export default function Report() {
  const t = useStrings(words);
  const format = useFormat();
  const id = useDraft().session.session_id;
  const [days, setDays] = useState<(typeof PERIODS)[number]>("30");
  const [passed, setPassed] = useState<"passed" | "notPassed">("passed");
  const report = useQuery(reportQuery(id, Number(days)));
  const questions = useInfiniteQuery(questionsQuery(id, passed === "passed"));
  return (
    <div className="stack">
      <ChoiceGroup
        short
        label={t.period}
        value={days}
        onChange={setDays}
        choices={PERIODS.map((one) => ({ id: one, label: t.days(Number(one)) }))}
      />
      <Loaded query={report}>
        {(told) => (
          <dl className="ai-figures">
            <Figure name={t.questions} value={format.number(told.questions)} hint={t.questionsHint} />
            <Figure name={t.hits} value={format.number(told.hits)} hint={format.percent(told.hit_share)} />
            <Figure name={t.served} value={format.number(told.served + told.exact)} />
            <Figure
              name={t.wrong}
              value={told.estimated_wrong_share === null ? "–" : format.percent(told.estimated_wrong_share)}
              hint={
                told.wrong_share_at_most === null
                  ? t.unknown
                  : t.atMost(format.percent(told.wrong_share_at_most))
              }
            />
            <Figure name={t.savedCost} value={format.cost(told.saved_microusd)} />
          </dl>
        )}
      </Loaded>
      <header>
        <h3>{t.judge}</h3>
        <p className="section-lead">{t.judgeLead}</p>
      </header>
      <ChoiceGroup
        label={t.which}
        value={passed}
        onChange={setPassed}
        choices={[
          { id: "passed", label: t.passed },
          { id: "notPassed", label: t.notPassed },
        ]}
      />
      <Loaded query={questions}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="check" title={t.noQuestions}>
              <p>{t.noQuestionsText}</p>
            </Empty>
          ) : (
            <ul className="card ai-list">
              {all.map((one) => (
                <Judged key={one.id} question={one} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <More query={questions}>{t.more}</More>
    </div>
  );
}

function Figure({ name, value, hint }: { name: string; value: string; hint?: string }) {
  return (
    <div className="card ai-figure">
      <dt>{name}</dt>
      <dd>
        <span className="ai-figure-value">{value}</span>
        {hint && <span className="field-hint">{hint}</span>}
      </dd>
    </div>
  );
}

function Judged({ question }: { question: Question }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const id = useDraft().session.session_id;
  const judge = useMutation({
    mutationFn: (verdict: "right" | "wrong" | null) => answerCalls.judge(question.id, verdict),
    onSuccess: () => client.invalidateQueries({ queryKey: answersKey(id) }),
    onError: toast.problem,
  });
  const verdict = (which: "right" | "wrong") => {
    const chosen = question.verdict === which;
    return (
      <Button
        size="s"
        kind={chosen ? "primary" : "secondary"}
        icon={which === "right" ? "check" : "close"}
        aria-pressed={chosen}
        isDisabled={judge.isPending}
        onPress={() => judge.mutate(chosen ? null : which)}
      >
        {which === "right" ? t.right : t.wrongOne}
      </Button>
    );
  };
  return (
    <li className="ai-judged">
      <p className="ai-list-title">{question.text}</p>
      <dl className="ai-pair">
        {question.answer && (
          <div>
            <dt>{t.wouldSay}</dt>
            <dd>{question.answer}</dd>
          </div>
        )}
        <div>
          <dt>{t.wasSaid[question.answered_by]}</dt>
          <dd>{question.reply}</dd>
        </div>
      </dl>
      {question.answer && (
        <div className="row">
          {verdict("right")}
          {verdict("wrong")}
          {question.suspect && !question.verdict && <Badge tone="warn">{t.suspect}</Badge>}
        </div>
      )}
    </li>
  );
}
