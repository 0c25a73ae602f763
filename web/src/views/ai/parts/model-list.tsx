/** Models in the order in which they are asked. */
import { useId, useState } from "react";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextField } from "~/ui/field";
import { IconButton } from "~/ui/icon-button";
import { words } from "../settings-strings";

export function ModelList({
  label,
  hint,
  value,
  onChange,
  max,
  error,
}: {
  label: string;
  hint: string | undefined;
  value: readonly string[];
  onChange: (value: string[]) => void;
  max: number;
  error: string | undefined;
}) {
  const t = useStrings(words).models;
  const id = useId();
  const [typed, setTyped] = useState("");
  const name = typed.trim();
  function move(place: number, by: 1 | -1) {
    const next = [...value];
    const [moved = ""] = next.splice(place, 1);
    next.splice(place + by, 0, moved);
    onChange(next);
  }
  function add() {
    if (!name || value.includes(name)) return;
    onChange([...value, name]);
    setTyped("");
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend cannot be laid out as the other labels are
    <div className="field" role="group" aria-labelledby={id}>
      <span className="field-label" id={id}>
        {label}
      </span>
      {hint && <span className="field-hint">{hint}</span>}
      {value.length > 0 && (
        <ol className="ai-models">
          {value.map((model, place) => (
            <li key={model} className="ai-model">
              <span className="ai-models-place" aria-hidden="true">
                {place + 1}
              </span>
              <code>{model}</code>
              <IconButton
                size="s"
                icon="chevronUp"
                label={t.up(model)}
                isDisabled={place === 0}
                onPress={() => move(place, -1)}
              />
              <IconButton
                size="s"
                icon="chevronDown"
                label={t.down(model)}
                isDisabled={place === value.length - 1}
                onPress={() => move(place, 1)}
              />
              <IconButton
                size="s"
                icon="close"
                label={t.remove(model)}
                onPress={() => onChange(value.filter((one) => one !== model))}
              />
            </li>
          ))}
        </ol>
      )}
      {error && <span className="field-error">{error}</span>}
      {value.length < max && (
        <div className="ai-add">
          <TextField
            aria-label={t.name}
            label=""
            value={typed}
            onChange={setTyped}
            placeholder="openai:gpt-5-mini"
            maxLength={120}
            spellCheck="false"
            onKeyDown={(event) => {
              if (event.key === "Enter") add();
            }}
          />
          <Button icon="plus" isDisabled={!name} onPress={add}>
            {t.add}
          </Button>
        </div>
      )}
    </div>
  );
}
