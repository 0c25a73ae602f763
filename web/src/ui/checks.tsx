/** Boxes to tick, of which any number may hold. */
import { Checkbox } from "react-aria-components/Checkbox";
import { CheckboxGroup } from "react-aria-components/CheckboxGroup";
import { Label } from "react-aria-components/Label";
import { Icon } from "./icon";

export interface Check {
  id: string;
  label: string;
  /** Said below it, smaller. */
  detail?: string;
}

export function CheckGroup({
  label,
  quiet,
  checks,
  value,
  onChange,
}: {
  label: string;
  /** The label is for screen readers only. */
  quiet?: boolean;
  checks: readonly Check[];
  value: readonly string[];
  onChange: (value: string[]) => void;
}) {
  return (
    <CheckboxGroup
      className="checks"
      value={[...value]}
      onChange={onChange}
      {...(quiet ? { "aria-label": label } : {})}
    >
      {!quiet && <Label className="field-label">{label}</Label>}
      <div className="checks-list">
        {checks.map((check) => (
          <Checkbox key={check.id} value={check.id} className="check">
            <span className="check-box">
              <Icon name="check" size={16} />
            </span>
            <span className="check-text">
              <span>{check.label}</span>
              {check.detail && <span className="field-hint">{check.detail}</span>}
            </span>
          </Checkbox>
        ))}
      </div>
    </CheckboxGroup>
  );
}
