/** One setting of the number: the field that its kind needs, with its label, its hint and what is wrong with it. */
import { useState } from "react";
import { useStrings } from "~/i18n/strings";
import { ChoiceGroup } from "~/ui/choice";
import { TextArea, TextField } from "~/ui/field";
import { Switch } from "~/ui/switch";
import { same, useDraft } from "../draft";
import { accepts, readLines, readNumber, SETTINGS, type SettingPath, type Spec } from "../settings";
import { words } from "../settings-strings";

export function Setting({ path }: { path: SettingPath }) {
  const t = useStrings(words);
  const draft = useDraft();
  const spec: Spec = SETTINGS[path];
  const [label = path, hint] = t.fields[path];
  const value = draft.get(path);
  const told = draft.error(path);
  const set = (next: unknown) => draft.set(path, next);
  switch (spec.kind) {
    case "toggle":
      return (
        <Switch isSelected={value === true} onChange={set} hint={hint}>
          {label}
        </Switch>
      );
    case "choice": {
      const names = t.choices[path as keyof typeof t.choices] as Record<string, string>;
      return (
        <ChoiceGroup
          label={label}
          hint={hint}
          value={String(value)}
          onChange={set}
          choices={spec.options.map((id) => ({ id, label: names[id] ?? id }))}
        />
      );
    }
    case "number":
      return (
        <NumberSetting
          label={label}
          hint={hint}
          value={value}
          onChange={set}
          error={accepts(path, value) ? told : t.range(spec.min, spec.max, spec.whole === true)}
        />
      );
    case "lines":
      return <LinesSetting label={label} hint={hint} value={value as string[]} onChange={set} error={told} />;
    case "text": {
      const Field = spec.rows === 1 ? TextField : TextArea;
      return (
        <Field
          label={label}
          hint={hint}
          value={(value as string | null) ?? ""}
          onChange={(text: string) => set(text === "" && spec.nullable ? null : text)}
          maxLength={spec.max}
          error={told}
          {...(spec.rows === 1 ? {} : { rows: spec.rows })}
        />
      );
    }
  }
}

interface FieldProps<T> {
  label: string;
  hint: string | undefined;
  value: T;
  onChange: (value: unknown) => void;
  error: string | undefined;
}

/** Keeps the text as it is typed ("1," on the way to "1,5") for as long as it says the value. */
function NumberSetting({ value, onChange, ...rest }: FieldProps<unknown>) {
  const [typed, setTyped] = useState("");
  const shown = same(readNumber(typed), value) ? typed : value === null ? "" : String(value);
  return (
    <div className="ai-number">
      <TextField
        {...rest}
        inputMode="decimal"
        value={shown}
        onChange={(text) => {
          setTyped(text);
          onChange(readNumber(text));
        }}
      />
    </div>
  );
}

function LinesSetting({ value, onChange, ...rest }: FieldProps<string[]>) {
  const [typed, setTyped] = useState("");
  const shown = same(readLines(typed), value) ? typed : value.join("\n");
  return (
    <TextArea
      {...rest}
      rows={Math.min(8, Math.max(2, value.length + 1))}
      value={shown}
      onChange={(text) => {
        setTyped(text);
        onChange(readLines(text));
      }}
    />
  );
}
