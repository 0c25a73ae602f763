import type { ReactNode } from "react";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { useStrings } from "~/i18n/strings";
import { classes } from "./classes";
import { IconButton } from "./icon-button";
import { words } from "./strings";

export interface DialogProps {
  title: ReactNode;
  isOpen: boolean;
  /** Left out: it cannot be dismissed. */
  onClose?: () => void;
  size?: "s" | "m" | "l";
  role?: "dialog" | "alertdialog";
  children: ReactNode;
  /** The buttons, the most important last. */
  footer?: ReactNode;
}

/** On a phone it rises from below and fills the width. */
export function Dialog({
  title,
  isOpen,
  onClose,
  size = "m",
  role = "dialog",
  children,
  footer,
}: DialogProps) {
  const t = useStrings(words);
  return (
    <ModalOverlay
      className="overlay"
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose?.()}
      isDismissable={onClose !== undefined && role === "dialog"}
      isKeyboardDismissDisabled={onClose === undefined}
    >
      <Modal className={classes("modal", `modal-${size}`)}>
        <AriaDialog className="dialog" role={role}>
          <header className="dialog-header">
            <Heading slot="title" level={2} className="dialog-title">
              {title}
            </Heading>
            {onClose && role === "dialog" && (
              <IconButton icon="close" label={t.close} onPress={onClose} size="s" />
            )}
          </header>
          <div className="dialog-body">{children}</div>
          {footer && <footer className="dialog-footer">{footer}</footer>}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
