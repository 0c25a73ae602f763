import { useState } from "react";
import { Form } from "react-aria-components/Form";
import type { User } from "~/api/types";
import { signIn } from "~/auth/sign-in";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Dialog } from "~/ui/dialog";
import { PasswordField } from "~/ui/password-field";
import { words } from "./strings";

/** Asks for the password over whatever the person was doing, which stays as it is. */
export default function Expired({ user }: { user: User }) {
  const t = useStrings(words);
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string>();
  const [pending, setPending] = useState(false);

  async function goOn() {
    setPending(true);
    setError(undefined);
    try {
      await signIn.login(user.email, password);
    } catch (problem) {
      setError(problemText(problem).title);
    } finally {
      setPending(false);
    }
  }

  return (
    <Dialog title={t.expired} isOpen size="s">
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void goOn();
        }}
      >
        <p>{t.expiredText(user.email)}</p>
        <input type="hidden" autoComplete="username" value={user.email} readOnly />
        <PasswordField
          label={t.password}
          value={password}
          onChange={setPassword}
          error={error}
          autoComplete="current-password"
          autoFocus
          isRequired
        />
        <div className="dialog-footer">
          <Button kind="quiet" onPress={() => void signIn.logout()}>
            {t.otherPerson}
          </Button>
          <Button type="submit" kind="primary" isPending={pending}>
            {t.goOn}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
