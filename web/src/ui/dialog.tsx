import type { ReactNode } from "react";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { createStore, useStore } from "~/app/store";
import { useStrings } from "~/i18n/strings";
import { Button, IconButton } from "./button";
import { classes } from "./classes";
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

export interface Question {
  title: string;
  body: ReactNode;
  /** Names what will happen, not "OK". */
  confirm: string;
  danger?: boolean;
}

const asked = createStore<{ question: Question; answer: (yes: boolean) => void } | null>(null);

/** Ask before what cannot be undone: `if (await confirm({ … })) remove();` */
export function confirm(question: Question): Promise<boolean> {
  asked.get()?.answer(false);
  return new Promise((resolve) => {
    asked.set({
      question,
      answer: (yes) => {
        asked.set(null);
        resolve(yes);
      },
    });
  });
}

/** Shows what `confirm` asks; once, in the shell. */
export function ConfirmHost() {
  const t = useStrings(words);
  const open = useStore(asked);
  if (!open) return null;
  const { question, answer } = open;
  return (
    <Dialog
      title={question.title}
      isOpen
      onClose={() => answer(false)}
      size="s"
      role="alertdialog"
      footer={
        <>
          <Button onPress={() => answer(false)} autoFocus>
            {t.cancel}
          </Button>
          <Button kind={question.danger ? "danger" : "primary"} onPress={() => answer(true)}>
            {question.confirm}
          </Button>
        </>
      }
    >
      {question.body}
    </Dialog>
  );
}
