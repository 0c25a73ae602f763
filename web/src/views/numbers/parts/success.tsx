import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import type { Session } from "~/api/types";
import { sessionCalls, sessionName } from "~/data/sessions";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextField } from "~/ui/field";
import { Icon } from "~/ui/icon";
import { toast } from "~/ui/toast";
import { useSessionCall } from "../queries";
import { words } from "../strings";

/** The moment a number is online: say so, offer a name, and lead on. */
export function Success({ session }: { session: Session }) {
  const t = useStrings(words);
  const [name, setName] = useState(session.name ?? session.push_name ?? "");
  const update = useSessionCall((value: string) => sessionCalls.update(session.session_id, { name: value }));
  const who = session.phone ? formatPhone(session.phone) : sessionName(session);
  return (
    <div className="numbers-success">
      <span className="numbers-success-mark">
        <Icon name="check" size={44} />
      </span>
      <div role="status">
        <h1>{t.linkedTitle}</h1>
        <p className="page-lead">{t.linkedText(who)}</p>
      </div>
      <Form
        className="numbers-success-name"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) update.mutate(name.trim(), { onError: toast.problem });
        }}
      >
        <TextField label={t.nameIt} value={name} onChange={setName} maxLength={120} />
        <Button type="submit" icon={update.isSuccess ? "check" : "edit"} isPending={update.isPending}>
          {t.save}
        </Button>
      </Form>
      <div className="row">
        <Link to="/ai" className="button button-primary button-m">
          {t.toAi}
        </Link>
        <Link to="/inbox" className="button button-secondary button-m">
          {t.toInbox}
        </Link>
      </div>
    </div>
  );
}
