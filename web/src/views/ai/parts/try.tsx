/** A conversation with the settings as they are on the screen, before anybody is answered with them. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Form } from "react-aria-components/Form";
import { createStore, useStore } from "~/app/store";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextArea } from "~/ui/field";
import { Refused } from "~/ui/form-dialog";
import { Badge } from "~/ui/parts";
import { Switch } from "~/ui/switch";
import { asPatch, useDraft } from "../draft";
import { type Tried, toolsQuery, tryAnswer } from "../queries";
import { words } from "../strings";
import { TriedFacts } from "./try-facts";

interface Exchange {
  question: string;
  answer: Tried;
}

/** What was tried of each number, for as long as the page is open. */
const talks = createStore<Readonly<Record<string, readonly Exchange[]>>>({});
const NONE: readonly Exchange[] = [];
const MOST = 19; // exchanges before the one that is asked: the API takes 40 messages

export function Try() {
  const t = useStrings(words);
  const { session, changes } = useDraft();
  const id = session.session_id;
  const talk = useStore(talks)[id] ?? NONE;
  const [text, setText] = useState("");
  const [useTools, setUseTools] = useState(false);
  const tools = useQuery(toolsQuery(id));
  const log = useRef<HTMLDivElement>(null);
  const unsaved = Object.keys(changes).length > 0;
  const ask = useMutation({
    mutationFn: (question: string) =>
      tryAnswer(id, {
        messages: [...said(talk.slice(-MOST)), { author: "contact", text: question }],
        use_tools: useTools,
        ...(unsaved ? { settings: asPatch(changes) } : {}),
      }),
    onMutate: () => setText(""),
    onSuccess: (answer, question) =>
      talks.set({ ...talks.get(), [id]: [...(talks.get()[id] ?? NONE), { question, answer }] }),
    onError: (_error, question) => setText((typed) => typed || question),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: follows what was added
  useEffect(() => {
    log.current?.lastElementChild?.scrollIntoView({ block: "nearest" });
  }, [talk.length, ask.isPending]);
  const send = () => {
    if (text.trim() && !ask.isPending) ask.mutate(text.trim());
  };
  return (
    <aside className="card ai-try" aria-label={t.tryTitle}>
      <header>
        <h2 className="ai-fold-title">{t.tryTitle}</h2>
        <p className="field-hint">{t.tryLead}</p>
      </header>
      {(talk.length > 0 || ask.isPending) && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard
        <div className="ai-talk" role="log" aria-label={t.talk} tabIndex={0} ref={log}>
          {talk.map(({ question, answer }, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nothing is removed from between
            <div key={place} className="ai-exchange">
              <p className="ai-asked">{question}</p>
              <Answer answer={answer} />
            </div>
          ))}
          {ask.isPending && (
            <div className="ai-exchange">
              <p className="ai-asked">{ask.variables}</p>
              <p className="ai-said ai-thinking">
                <span className="visually-hidden">{t.thinking}</span>
              </p>
            </div>
          )}
        </div>
      )}
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <TextArea
          label={talk.length ? t.followUp : t.question}
          value={text}
          onChange={setText}
          maxLength={8000}
          rows={2}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) {
              event.continuePropagation();
              return;
            }
            event.preventDefault();
            send();
          }}
        />
        {ask.error && <Refused error={ask.error} title={t.noAnswer} />}
        {(tools.data?.length ?? 0) > 0 && (
          <Switch isSelected={useTools} onChange={setUseTools}>
            {t.useTools}
          </Switch>
        )}
        <div className="row">
          <Button type="submit" kind="primary" icon="send" isPending={ask.isPending}>
            {t.ask}
          </Button>
          {talk.length > 0 && (
            <Button
              kind="quiet"
              icon="refresh"
              isDisabled={ask.isPending}
              onPress={() => {
                ask.reset();
                talks.set({ ...talks.get(), [id]: NONE });
              }}
            >
              {t.again}
            </Button>
          )}
          {unsaved && <Badge tone="info">{t.tryUnsaved}</Badge>}
        </div>
      </Form>
    </aside>
  );
}

function Answer({ answer }: { answer: Tried }) {
  const t = useStrings(words);
  const bubbles = answer.bubbles.filter(Boolean);
  return (
    <div className="ai-reply">
      {bubbles.length > 0 ? (
        bubbles.map((bubble, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an answer's messages never change places
          <p key={place} className="ai-said">
            {bubble}
          </p>
        ))
      ) : (
        <p className="field-hint">{t.nothingSaid}</p>
      )}
      <TriedFacts answer={answer} />
    </div>
  );
}

function said(talk: readonly Exchange[]) {
  return talk.flatMap(({ question, answer }) => [
    { author: "contact" as const, text: question },
    ...(answer.text.trim() ? [{ author: "us" as const, text: answer.text.slice(0, 8000) }] : []),
  ]);
}
