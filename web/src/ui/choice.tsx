import type { ReactNode } from "react";
import { Label } from "react-aria-components/Label";
import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";

export interface Choice<K extends string> {
  id: K;
  label: string;
  icon?: IconName;
}

/** A few choices side by side, of which one holds. */
export function ChoiceGroup<K extends string>({
  label,
  hint,
  choices,
  value,
  onChange,
  short,
}: {
  label: string;
  hint?: ReactNode;
  choices: readonly Choice<K>[];
  value: K;
  onChange: (value: K) => void;
  /** So short that they stay side by side on a phone. */
  short?: boolean;
}) {
  return (
    <RadioGroup className="choice" value={value} onChange={(next) => onChange(next as K)}>
      <Label className="field-label">{label}</Label>
      <div className={classes("choice-list", short && "choice-list-short")}>
        {choices.map((choice) => (
          <Radio key={choice.id} value={choice.id} className="choice-item">
            {choice.icon && <Icon name={choice.icon} size={18} />}
            {choice.label}
          </Radio>
        ))}
      </div>
      {hint && <span className="field-hint">{hint}</span>}
    </RadioGroup>
  );
}
