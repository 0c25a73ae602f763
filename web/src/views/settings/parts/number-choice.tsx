/** Of which numbers something is: of all, also those to come, or only of some; where there are no choices, of some. */
import { useState } from "react";
import { sessionName, useSessions } from "~/data/sessions";
import { CheckGroup } from "~/ui/checks";
import { ChoiceGroup } from "~/ui/choice";

export function NumberChoice({
  label,
  choices,
  value,
  onChange,
  fault,
}: {
  label: string;
  choices: { all: string; some: string } | null;
  /** Session ids; null: all numbers. */
  value: readonly string[] | null;
  onChange: (value: string[] | null) => void;
  fault?: string | false | undefined;
}) {
  const sessions = useSessions().data ?? [];
  const [chosen, setChosen] = useState([...(value ?? [])]); // kept while "all" is looked at
  // a number that is gone stays in the list until it is taken out
  const known = new Set(sessions.map((one) => one.session_id));
  const checks = [
    ...sessions.map((one) => ({ id: one.session_id, label: sessionName(one) })),
    ...chosen.filter((id) => !known.has(id)).map((id) => ({ id, label: id })),
  ];
  if (checks.length === 0) return null;
  return (
    <>
      {choices ? (
        <ChoiceGroup
          label={label}
          value={value ? "some" : "all"}
          onChange={(which) => onChange(which === "some" ? chosen : null)}
          choices={[
            { id: "all", label: choices.all },
            { id: "some", label: choices.some },
          ]}
          short
          hint={value && fault && <Fault>{fault}</Fault>}
        />
      ) : (
        fault && <Fault>{fault}</Fault>
      )}
      {value && (
        <div className="card settings-webhook-groups">
          <CheckGroup
            label={label}
            quiet={choices !== null}
            value={value}
            onChange={(next) => {
              setChosen(next);
              onChange(next);
            }}
            checks={checks}
          />
        </div>
      )}
    </>
  );
}

export function Fault({ children }: { children: string }) {
  return (
    <span className="field-error" role="alert">
      {children}
    </span>
  );
}
