/** Makes a frequent answer, changes one, or makes one of a suggestion. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { TextArea, TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { IconButton } from "~/ui/icon-button";
import { Loaded } from "~/ui/states";
import { Switch } from "~/ui/switch";
import { toast } from "~/ui/toast";
import { words } from "../answers-strings";
import { same, useDraft } from "../draft";
import { type Answer, answerCalls, answersKey, phrasingsQuery, type Suggestion } from "../queries";
import { readLines } from "../settings";
import { More } from "./more";

export default function AnswerDialog({
  answer = null,
  suggestion = null,
  onClose,
}: {
  answer?: Answer | null;
  suggestion?: Suggestion | null;
  onClose: () => void;
}) {
  const t = useStrings(words);
  const client = useQueryClient();
  const sessionId = useDraft().session.session_id;
  const first = {
    title: answer?.title ?? suggestion?.title ?? "",
    text: answer?.answer ?? suggestion?.draft ?? "",
    everywhere: answer ? answer.session_id === null : false,
    enabled: answer?.enabled ?? true,
    ways: "",
  };
  const [values, setValues] = useState(first);
  const set = (change: Partial<typeof values>) => setValues((before) => ({ ...before, ...change }));
  const save = useMutation({
    mutationFn: async () => {
      const { title, text, everywhere, enabled } = values;
      const ways = readLines(values.ways);
      if (suggestion) {
        const made = await answerCalls.approve(suggestion.id, { title, answer: text, everywhere, enabled });
        return ways.length ? answerCalls.addPhrasings(made.id, ways) : made;
      }
      const body = { title, answer: text, enabled, session_id: everywhere ? null : sessionId };
      if (!answer) return answerCalls.create({ ...body, phrasings: ways });
      // a number's own answer stays that number's, whichever is looked at
      const kept = !everywhere && answer.session_id ? { ...body, session_id: answer.session_id } : body;
      const changed = await answerCalls.update(answer.id, kept);
      return ways.length ? answerCalls.addPhrasings(answer.id, ways) : changed;
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: answersKey(sessionId) });
      if (answer) void client.invalidateQueries(phrasingsQuery(answer.id));
      toast.good(suggestion ? t.approved : t.saved);
      onClose();
    },
  });
  const remove = useMutation({
    mutationFn: () => (answer ? answerCalls.remove(answer.id) : Promise.resolve(undefined)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: answersKey(sessionId) });
      onClose();
    },
  });
  const problem = save.error ? asProblem(save.error) : null;

  const askRemove = () =>
    confirmed({ title: t.removeTitle, body: <p>{t.removeText}</p>, confirm: t.remove, danger: true }, () =>
      remove.mutateAsync(),
    );

  return (
    <FormDialog
      title={suggestion ? t.approveTitle : answer ? t.editTitle : t.newTitle}
      changed={!same(values, first)}
      onClose={onClose}
      onSave={() => save.mutate()}
      save={suggestion ? t.approve : t.save}
      isPending={save.isPending}
      error={save.error}
      extra={
        answer && (
          <Button kind="quiet" icon="trash" isPending={remove.isPending} onPress={() => void askRemove()}>
            {t.remove}
          </Button>
        )
      }
    >
      <TextField
        label={t.question}
        hint={t.questionHint}
        value={values.title}
        onChange={(title) => set({ title })}
        maxLength={500}
        isRequired
        autoFocus
        error={problem?.field("title")}
      />
      <TextArea
        label={t.answer}
        hint={t.answerHint}
        value={values.text}
        onChange={(text) => set({ text })}
        maxLength={4096}
        rows={5}
        isRequired
        error={problem?.field("answer")}
      />
      {answer && <Phrasings answer={answer} />}
      <TextArea
        label={t.otherWays}
        hint={t.otherWaysHint}
        value={values.ways}
        onChange={(ways) => set({ ways })}
        rows={3}
        error={problem?.field("phrasings") ?? problem?.field("texts")}
      />
      <Switch isSelected={values.everywhere} onChange={(everywhere) => set({ everywhere })}>
        {t.forAll}
      </Switch>
      <Switch isSelected={values.enabled} onChange={(enabled) => set({ enabled })}>
        {t.enabled}
      </Switch>
    </FormDialog>
  );
}

function Phrasings({ answer }: { answer: Answer }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const sessionId = useDraft().session.session_id;
  const query = useInfiniteQuery(phrasingsQuery(answer.id));
  const remove = useMutation({
    mutationFn: (id: string) => answerCalls.removePhrasing(answer.id, id),
    onSuccess: () => {
      void client.invalidateQueries(phrasingsQuery(answer.id));
      void client.invalidateQueries({ queryKey: answersKey(sessionId) });
    },
    onError: toast.problem,
  });
  return (
    <Loaded query={query}>
      {(all) => (
        <div className="field">
          <span className="field-label" aria-hidden="true">
            {t.phrasings(all.length)}
          </span>
          <ul className="ai-phrasings" aria-label={t.phrasings(all.length)}>
            {all.map((phrasing) => (
              <li key={phrasing.id} className="ai-phrasing">
                <span>{phrasing.text}</span>
                <IconButton
                  size="s"
                  icon="close"
                  label={t.removeWay(phrasing.text)}
                  isDisabled={all.length < 2 || remove.isPending}
                  onPress={() => remove.mutate(phrasing.id)}
                />
              </li>
            ))}
          </ul>
          <More query={query}>{t.more}</More>
        </div>
      )}
    </Loaded>
  );
}
