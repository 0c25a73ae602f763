import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components/Button";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";
import { Spinner } from "./spinner";

export interface ButtonProps extends Omit<AriaButtonProps, "children" | "className" | "style"> {
  /** primary: the one thing to do here; secondary: others; quiet: beside text; danger: cannot be undone. */
  kind?: "primary" | "secondary" | "quiet" | "danger";
  size?: "s" | "m" | "l";
  icon?: IconName;
  wide?: boolean;
  children: ReactNode;
}

/** `isPending` shows a spinner and takes no press, without a change of width. */
export function Button({ kind = "secondary", size = "m", icon, wide, children, ...rest }: ButtonProps) {
  return (
    <AriaButton
      {...rest}
      className={classes("button", `button-${kind}`, `button-${size}`, wide && "button-wide")}
    >
      {({ isPending }) => (
        <>
          <span className="button-content" data-hidden={isPending || undefined}>
            {icon && <Icon name={icon} size={size === "s" ? 16 : 18} />}
            {children}
          </span>
          {isPending && (
            <span className="button-pending">
              <Spinner size={18} />
            </span>
          )}
        </>
      )}
    </AriaButton>
  );
}
