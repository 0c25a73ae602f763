import type { UseMutationResult } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { asProblem } from "~/api/problem";
import type { Session } from "~/api/types";
import { useSecondsUntil } from "~/app/now";
import { useFormat } from "~/i18n/format";
import { formatPhone } from "~/i18n/phone";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { CopyButton } from "~/ui/parts";
import { PhoneField } from "~/ui/phone-field";
import { words } from "../strings";
import type { Ask } from "./link";
import { Steps } from "./steps";

interface Props {
  session: Session;
  ask: UseMutationResult<Session, Error, Ask>;
}

export function ByCode({ session, ask }: Props) {
  const [phone, setPhone] = useState<string | null>(null);
  const [another, setAnother] = useState(false);
  if (session.status === "pairing" && session.pairing_code && !another) {
    return <Code session={session} phone={phone} onOther={() => setAnother(true)} />;
  }
  return (
    <PhoneForm
      ask={ask}
      onAsk={(number) => {
        setPhone(number);
        ask.mutate({ method: "code", phone: number }, { onSuccess: () => setAnother(false) });
      }}
    />
  );
}

function PhoneForm({ ask, onAsk }: { ask: Props["ask"]; onAsk: (phone: string) => void }) {
  const t = useStrings(words);
  const [phone, setPhone] = useState("");
  const asked = ask.variables?.method === "code";
  return (
    <Form
      className="stack numbers-phone-form"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk(phone);
      }}
    >
      <PhoneField
        label={t.phone}
        hint={t.phoneHint}
        autoComplete="tel-national"
        onChange={(value) => {
          setPhone(value);
          if (ask.isError) ask.reset();
        }}
        error={asked && ask.error ? failure(ask.error, t.phoneBad) : undefined}
      />
      <div>
        <Button type="submit" kind="primary" isPending={ask.isPending && asked}>
          {t.getCode}
        </Button>
      </div>
    </Form>
  );
}

function failure(error: unknown, phoneBad: string): string {
  return asProblem(error).code === "invalid_input" ? phoneBad : problemText(error).title;
}

function Code({ session, phone, onOther }: { session: Session; phone: string | null; onOther: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const seconds = useSecondsUntil(session.pairing_code_expires_at);
  const code = session.pairing_code ?? "";
  return (
    <div className="numbers-columns">
      <div className="numbers-code-card card card-body">
        <p className="field-label">{phone ? t.codeFor(formatPhone(phone)) : t.byCode}</p>
        <output className="numbers-code" aria-label={code.split("").join(" ")}>
          {code}
        </output>
        <p className="field-hint">{seconds ? t.codeEnds(format.countdown(seconds)) : t.renewing}</p>
        <div className="row">
          <CopyButton text={code}>{t.copyCode}</CopyButton>
          <Button kind="quiet" onPress={onOther}>
            {t.otherPhone}
          </Button>
        </div>
      </div>
      <Steps steps={t.codeSteps} />
    </div>
  );
}
