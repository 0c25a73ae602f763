/** The passkey step: an answer that only WhatsApp's own page can get, and a code to compare. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import type { Session } from "~/api/types";
import { sessionCalls } from "~/data/sessions";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextArea } from "~/ui/field";
import { CopyButton, Notice } from "~/ui/parts";
import { Loading } from "~/ui/states";
import { toast } from "~/ui/toast";
import { passkeyCalls, readAssertion, useSessionCall } from "../queries";
import { words } from "../strings";
import { Steps } from "./steps";

export function PasskeyStep({ session }: { session: Session }) {
  if (!session.passkey) return <Loading />;
  return session.passkey.stage === "confirmation" ? (
    <Compare session={session} />
  ) : (
    <Answer session={session} />
  );
}

function Answer({ session }: { session: Session }) {
  const t = useStrings(words);
  const [text, setText] = useState("");
  const [bad, setBad] = useState(false);
  const send = useSessionCall((value: string) => {
    const assertion = readAssertion(value);
    if (!assertion) throw new Error("checked before");
    return passkeyCalls.answer(session.session_id, assertion);
  });
  const snippet = session.passkey?.snippet ?? "";
  return (
    <div className="stack">
      <header>
        <h1>{t.passkeyTitle}</h1>
        <p className="page-lead">{t.passkeyLead}</p>
      </header>
      <Steps steps={t.passkeySteps} />
      <div className="row">
        <a
          className="button button-secondary button-m"
          href="https://web.whatsapp.com"
          target="_blank"
          rel="noreferrer"
        >
          {t.openWhatsApp}
        </a>
        <CopyButton text={snippet} kind="primary">
          {t.copySnippet}
        </CopyButton>
      </div>
      <details className="numbers-snippet">
        <summary>{t.snippet}</summary>
        <p className="field-hint">{t.whatSnippet}</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
        <pre tabIndex={0}>{snippet}</pre>
      </details>
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          const good = readAssertion(text) !== null;
          setBad(!good);
          if (good) send.mutate(text);
        }}
      >
        <TextArea
          label={t.answer}
          hint={t.answerHint}
          value={text}
          onChange={setText}
          rows={5}
          isRequired
          error={bad ? t.answerBad : undefined}
          spellCheck="false"
        />
        {send.error && <Refused error={send.error} />}
        <div className="row">
          <Button type="submit" kind="primary" isPending={send.isPending}>
            {t.send}
          </Button>
          <Stop session={session}>{t.giveUp}</Stop>
        </div>
      </Form>
    </div>
  );
}

function Compare({ session }: { session: Session }) {
  const t = useStrings(words);
  const confirm = useMutation({ mutationFn: () => passkeyCalls.confirm(session.session_id) });
  return (
    <div className="stack numbers-compare">
      <header>
        <h1>{t.compareTitle}</h1>
        <p className="page-lead">{t.compareText}</p>
      </header>
      <output className="numbers-code">{session.passkey?.code}</output>
      {confirm.error && <Refused error={confirm.error} />}
      {confirm.isSuccess ? (
        <Notice tone="good">{t.waitingPhone}</Notice>
      ) : (
        <>
          <p>{t.confirmOnPhone}</p>
          <div className="row">
            <Button kind="primary" isPending={confirm.isPending} onPress={() => confirm.mutate()}>
              {t.same}
            </Button>
            <Stop session={session} told={t.differentText}>
              {t.different}
            </Stop>
          </div>
        </>
      )}
    </div>
  );
}

function Stop({ session, told, children }: { session: Session; told?: string; children: string }) {
  const stop = useSessionCall(() => sessionCalls.stop(session.session_id));
  return (
    <Button
      isPending={stop.isPending}
      onPress={() =>
        stop.mutate(undefined, { onSuccess: () => told && toast.bad(told), onError: toast.problem })
      }
    >
      {children}
    </Button>
  );
}

function Refused({ error }: { error: unknown }) {
  const { title, detail, remedy } = useProblemText(error);
  return (
    <div role="alert">
      <Notice tone="bad" title={title}>
        {detail} {remedy}
      </Notice>
    </div>
  );
}
