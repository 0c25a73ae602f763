import type { ReactElement } from "react";
import { Menu as AriaMenu, MenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Separator } from "react-aria-components/Separator";
import { classes } from "./classes";
import { Icon, type IconName } from "./icon";

export interface MenuAction {
  id: string;
  label: string;
  icon?: IconName;
  danger?: boolean;
  isDisabled?: boolean;
  onAction: () => void;
}

/** A button (the child) that opens a list of actions; null among them draws a line. */
export function Menu({
  children,
  label,
  actions,
  ...open
}: {
  children: ReactElement;
  label: string;
  actions: readonly (MenuAction | null)[];
  isOpen?: boolean;
  onOpenChange?: (isOpen: boolean) => void;
}) {
  return (
    <MenuTrigger {...open}>
      {children}
      <Popover className="popover" offset={4}>
        <AriaMenu aria-label={label} className="menu">
          {actions.map((action, place) =>
            action === null ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity
              <Separator key={`line-${place}`} className="menu-line" />
            ) : (
              <MenuItem
                key={action.id}
                id={action.id}
                textValue={action.label}
                isDisabled={action.isDisabled ?? false}
                onAction={action.onAction}
                className={classes("menu-item", action.danger && "menu-item-danger")}
              >
                {action.icon && <Icon name={action.icon} size={18} />}
                {action.label}
              </MenuItem>
            ),
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
