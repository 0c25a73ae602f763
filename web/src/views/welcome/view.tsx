/** What people see before they are signed in: the first start, or the sign-in page. */

import { type ReactNode, useState } from "react";
import { Form } from "react-aria-components/Form";
import { asProblem } from "~/api/problem";
import { router } from "~/app/router";
import { type SignInState, signIn } from "~/auth/sign-in";
import { chooseLocale, LOCALES, type Locale, useLocale } from "~/i18n/locale";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextField } from "~/ui/field";
import { Icon, Mark } from "~/ui/icon";
import { Notice, PageTitle } from "~/ui/parts";
import { PasswordField } from "~/ui/password-field";
import { Select } from "~/ui/select";
import { words } from "./strings";
import "./view.css";

const SHORTEST = 10;
const LANGUAGES: Record<Locale, string> = { en: "English", "pt-BR": "Português (Brasil)" };

type Props = { state: Extract<SignInState, { kind: "first-start" | "signed-out" }> };

export default function WelcomeView({ state }: Props) {
  const t = useStrings(words);
  const locale = useLocale();
  return (
    <div className="welcome">
      <aside className="welcome-side">
        <div className="welcome-brand">
          <Mark size={40} />
          <span>Prosa</span>
        </div>
        <div>
          <p className="welcome-tagline">{t.tagline}</p>
          <ul className="welcome-promise">
            {t.promise.map((line) => (
              <li key={line}>
                <Icon name="check" size={18} />
                {line}
              </li>
            ))}
          </ul>
        </div>
      </aside>
      <main className="welcome-main">
        {state.kind === "first-start" ? <FirstStart /> : <SignInForm email={state.email} />}
        <Select
          className="welcome-language"
          label={t.language}
          hideLabel
          options={LOCALES.map((id) => ({ id, label: LANGUAGES[id] }))}
          value={locale}
          onChange={chooseLocale}
        />
      </main>
    </div>
  );
}

function FirstStart() {
  const t = useStrings(words);
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { failed, pending, run } = useSubmit(async () => {
    await signIn.register({ email, password, ...(name.trim() ? { name: name.trim() } : {}) });
    await router.navigate({ to: "/numbers/link" });
  });
  return (
    <Sheet title={t.firstTitle} lead={t.firstLead} failed={failed} onSubmit={run}>
      <TextField
        label={t.name}
        hint={t.optional}
        value={name}
        onChange={setName}
        autoComplete="name"
        maxLength={200}
        autoFocus
      />
      <TextField
        label={t.email}
        type="email"
        value={email}
        onChange={setEmail}
        autoComplete="username"
        isRequired
        error={fieldError(failed, "email") && t.emailBad}
      />
      <PasswordField
        label={t.password}
        hint={t.passwordHint}
        value={password}
        onChange={setPassword}
        autoComplete="new-password"
        isRequired
        minLength={SHORTEST}
        maxLength={128}
        error={fieldError(failed, "password") && t.passwordShort}
      />
      <Button type="submit" kind="primary" size="l" wide isPending={pending}>
        {t.create}
      </Button>
    </Sheet>
  );
}

function SignInForm({ email: last }: { email: string | null }) {
  const t = useStrings(words);
  const [email, setEmail] = useState(last ?? "");
  const [password, setPassword] = useState("");
  const { failed, pending, run } = useSubmit(() => signIn.login(email, password));
  return (
    <Sheet title={t.signInTitle} failed={failed} onSubmit={run}>
      <TextField
        label={t.email}
        type="email"
        value={email}
        onChange={setEmail}
        autoComplete="username"
        isRequired
        autoFocus={!last}
      />
      <PasswordField
        label={t.password}
        value={password}
        onChange={setPassword}
        autoComplete="current-password"
        isRequired
        autoFocus={Boolean(last)}
      />
      <Button type="submit" kind="primary" size="l" wide isPending={pending}>
        {t.signIn}
      </Button>
      <p className="field-hint">{t.forgot}</p>
    </Sheet>
  );
}

function Sheet({
  title,
  lead,
  failed,
  onSubmit,
  children,
}: {
  title: string;
  lead?: string;
  failed: unknown;
  onSubmit: () => void;
  children: ReactNode;
}) {
  return (
    <Form
      className="welcome-form"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <header>
        <PageTitle>{title}</PageTitle>
        <h1>{title}</h1>
        {lead && <p className="page-lead">{lead}</p>}
      </header>
      {failed !== null && !onField(failed) && <Failure error={failed} />}
      {children}
    </Form>
  );
}

function Failure({ error }: { error: unknown }) {
  const { title, remedy } = useProblemText(error);
  return (
    <div role="alert">
      <Notice tone="bad" title={title}>
        {remedy}
      </Notice>
    </div>
  );
}

function onField(error: unknown): boolean {
  return asProblem(error).code === "invalid_input";
}

function fieldError(error: unknown, field: string): string | undefined {
  return error === null ? undefined : asProblem(error).field(field);
}

function useSubmit(work: () => Promise<void>) {
  const [failed, setFailed] = useState<unknown>(null);
  const [pending, setPending] = useState(false);
  const run = () => {
    setPending(true);
    setFailed(null);
    work()
      .catch(setFailed)
      .finally(() => setPending(false));
  };
  return { failed, pending, run };
}
