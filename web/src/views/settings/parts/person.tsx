import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { asProblem } from "~/api/problem";
import type { Role, User } from "~/api/types";
import { useMe } from "~/auth/me";
import { signIn } from "~/auth/sign-in";
import { putUser, userCalls } from "~/data/users";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Dialog } from "~/ui/dialog";
import { TextField } from "~/ui/field";
import { Notice } from "~/ui/parts";
import { PasswordField } from "~/ui/password-field";
import { Select } from "~/ui/select";
import { toast } from "~/ui/toast";
import { words } from "../strings";

/** Adds a person, or changes one. */
export function PersonDialog({ user, onClose }: { user: User | null; onClose: () => void }) {
  const t = useStrings(words);
  const me = useMe();
  const client = useQueryClient();
  const [name, setName] = useState(user?.name ?? "");
  const [email, setEmail] = useState(user?.email ?? "");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>(user?.role ?? "agent");
  const roles: Role[] = me.role === "owner" ? ["agent", "admin", "owner"] : ["agent"];
  const save = useMutation({
    mutationFn: () =>
      user
        ? userCalls.update(user.id, {
            name: name.trim() || null,
            email,
            role,
            ...(password ? { password } : {}),
          })
        : userCalls.create({ name: name.trim() || null, email, role, password }),
    onSuccess: (saved) => {
      putUser(client, saved);
      if (saved.id === me.id) signIn.update(saved);
      toast.good(user ? t.saved : t.added(saved.name ?? saved.email));
      onClose();
    },
  });
  const problem = save.error ? asProblem(save.error) : null;
  const emailError =
    problem?.code === "email_taken" ? t.emailTaken : problem?.field("email") ? t.emailBad : undefined;
  const passwordError = problem?.field("password") ? t.passwordHint : undefined;
  return (
    <Dialog title={user ? (user.name ?? user.email) : t.addPerson} isOpen onClose={onClose} size="s">
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {problem && !emailError && !passwordError && <Refused error={problem} />}
        <TextField label={t.name} value={name} onChange={setName} maxLength={200} autoFocus />
        <TextField
          label={t.email}
          type="email"
          value={email}
          onChange={setEmail}
          isRequired
          error={emailError}
        />
        <PasswordField
          label={user ? t.newPassword : t.password}
          hint={user ? t.keepPassword : t.passwordHint}
          value={password}
          onChange={setPassword}
          autoComplete="new-password"
          isRequired={!user}
          minLength={10}
          maxLength={128}
          error={passwordError}
        />
        <Select
          label={t.role}
          value={role}
          onChange={setRole}
          options={roles.map((id) => ({ id, label: t.roles[id], detail: t.roleHints[id] }))}
        />
        <div className="dialog-footer">
          <Button onPress={onClose}>{t.cancel}</Button>
          <Button type="submit" kind="primary" isPending={save.isPending}>
            {user ? t.save : t.add}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

function Refused({ error }: { error: unknown }) {
  const { title, detail } = useProblemText(error);
  return (
    <div role="alert">
      <Notice tone="bad" title={title}>
        {detail}
      </Notice>
    </div>
  );
}
