import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { asProblem } from "~/api/problem";
import { useMe } from "~/auth/me";
import { signIn } from "~/auth/sign-in";
import { userCalls } from "~/data/users";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { confirmed } from "~/ui/confirmed";
import { TextField } from "~/ui/field";
import { Section } from "~/ui/parts";
import { PasswordField } from "~/ui/password-field";
import { toast } from "~/ui/toast";
import { words } from "../strings";

export function You() {
  const t = useStrings(words);
  return (
    <>
      <Profile />
      <Password />
      <Section title={t.sessions}>
        <SignOut />
      </Section>
    </>
  );
}

function Profile() {
  const t = useStrings(words);
  const me = useMe();
  const [name, setName] = useState(me.name ?? "");
  const save = useMutation({
    mutationFn: () => userCalls.updateMe({ name: name.trim() || null }),
    onSuccess: (user) => {
      signIn.update(user);
      toast.good(t.saved);
    },
    onError: toast.problem,
  });
  return (
    <Section title={t.profile} lead={`${me.email} · ${t.roles[me.role]}`}>
      <Form
        className="settings-form"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField label={t.name} value={name} onChange={setName} autoComplete="name" maxLength={200} />
        <div>
          <Button type="submit" isPending={save.isPending} isDisabled={name.trim() === (me.name ?? "")}>
            {t.save}
          </Button>
        </div>
      </Form>
    </Section>
  );
}

function Password() {
  const t = useStrings(words);
  const me = useMe();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: () => userCalls.updateMe({ current_password: current, new_password: next }),
    onSuccess: () => {
      setCurrent("");
      setNext("");
      toast.good(t.passwordChanged);
    },
  });
  const problem = change.error ? asProblem(change.error) : null;
  const wrong = problem?.field("current_password");
  const short = problem?.field("new_password");
  return (
    <Section title={t.password} lead={t.passwordLead}>
      <Form
        className="settings-form"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <input type="hidden" autoComplete="username" value={me.email} readOnly />
        <PasswordField
          label={t.currentPassword}
          value={current}
          onChange={setCurrent}
          autoComplete="current-password"
          isRequired
          error={wrong ? t.currentWrong : problem && !short ? problemText(problem).title : undefined}
        />
        <PasswordField
          label={t.newPassword}
          hint={t.passwordHint}
          value={next}
          onChange={setNext}
          autoComplete="new-password"
          isRequired
          minLength={10}
          maxLength={128}
          error={short ? t.passwordHint : undefined}
        />
        <div>
          <Button type="submit" isPending={change.isPending}>
            {t.changePassword}
          </Button>
        </div>
      </Form>
    </Section>
  );
}

function SignOut() {
  const t = useStrings(words);
  const everywhere = () =>
    confirmed(
      { title: t.signOutTitle, body: <p>{t.signOutText}</p>, confirm: t.signOutEverywhere, danger: true },
      () => signIn.logout({ everywhere: true }),
    );
  return (
    <div className="row">
      <Button icon="logout" onPress={() => void signIn.logout().catch(toast.problem)}>
        {t.signOut}
      </Button>
      <Button kind="quiet" onPress={() => void everywhere()}>
        {t.signOutEverywhere}
      </Button>
    </div>
  );
}
