import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components/Button";
import { Tooltip, TooltipTrigger } from "react-aria-components/Tooltip";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";

export interface IconButtonProps extends Omit<AriaButtonProps, "children" | "className" | "style"> {
  icon: IconName;
  /** Its name for screen readers, and the tooltip. */
  label: string;
  kind?: "quiet" | "secondary" | "primary";
  size?: "s" | "m";
}

export function IconButton({ icon, label, kind = "quiet", size = "m", ...rest }: IconButtonProps) {
  return (
    <TooltipTrigger delay={500}>
      <AriaButton
        {...rest}
        aria-label={label}
        className={classes("icon-button", `button-${kind}`, `icon-button-${size}`)}
      >
        <Icon name={icon} size={size === "s" ? 18 : 20} />
      </AriaButton>
      <Tooltip className="tooltip" offset={6}>
        {label}
      </Tooltip>
    </TooltipTrigger>
  );
}
