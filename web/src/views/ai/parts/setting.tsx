/** One setting of the number: the field that its kind needs, with its label, its hint and what is wrong with it. */
import { useState } from "react";
import { type Locale, useLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { ChoiceGroup } from "~/ui/choice";
import { TextArea, TextField } from "~/ui/field";
import { Switch } from "~/ui/switch";
import { same, useDraft } from "../draft";
import { accepts, readLines, readNumber, SETTINGS, type SettingPath, type Spec } from "../settings";
import { words } from "../settings-strings";
import { ModelList } from "./model-list";

export function Setting({ path }: { path: SettingPath }) {
  const t = useStrings(words);
  const draft = useDraft();
  const spec: Spec = SETTINGS[path];
  const [label = path, hint] = t.fields[path];
  const value = draft.get(path);
  const told = draft.error(path);
  const set = (next: unknown) => draft.set(path, next);
  const range = ({ min, max, whole, percent }: Extract<Spec, { kind: "number" }>) =>
    percent ? t.percentRange(min * 100, max * 100) : t.range(min, max, whole === true);
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
          percent={spec.percent === true}
          error={accepts(path, value) ? told : range(spec)}
        />
      );
    case "models":
      return (
        <ModelList
          label={label}
          hint={hint}
          value={value as string[]}
          onChange={set}
          max={spec.max}
          error={told}
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
function NumberSetting({ value, onChange, percent, ...rest }: FieldProps<unknown> & { percent: boolean }) {
  const locale = useLocale();
  const [typed, setTyped] = useState("");
  const read = (text: string) => {
    const number = readNumber(text);
    return percent && typeof number === "number" ? number / 100 : number;
  };
  const shown = same(read(typed), value) ? typed : writeNumber(value, percent, locale);
  return (
    <div className="ai-number">
      <TextField
        {...rest}
        inputMode="decimal"
        value={shown}
        onChange={(text) => {
          setTyped(text);
          onChange(read(text));
        }}
        {...(percent ? { suffix: <span className="ai-unit">%</span> } : {})}
      />
    </div>
  );
}

function writeNumber(value: unknown, percent: boolean, locale: Locale): string {
  if (value === null) return "";
  if (typeof value !== "number") return String(value);
  const shown = percent ? Number((value * 100).toPrecision(12)) : value;
  return shown.toLocaleString(locale, { useGrouping: false, maximumFractionDigits: 12 });
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
