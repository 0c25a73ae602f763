import type { ReactNode } from "react";
import { Switch as AriaSwitch, type SwitchProps as AriaSwitchProps } from "react-aria-components/Switch";

/** On or off at once, with its label and what it means. */
export function Switch({
  children,
  hint,
  ...rest
}: Omit<AriaSwitchProps, "children" | "className" | "style"> & { children: ReactNode; hint?: ReactNode }) {
  return (
    <AriaSwitch {...rest} className="switch">
      <span className="switch-track">
        <span className="switch-thumb" />
      </span>
      <span className="switch-text">
        <span>{children}</span>
        {hint && <span className="field-hint">{hint}</span>}
      </span>
    </AriaSwitch>
  );
}
