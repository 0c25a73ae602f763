import { useState } from "react";
import { messageCalls } from "~/data/messages";
import { useStrings } from "~/i18n/strings";
import { IconButton } from "~/ui/button";
import { Menu, type MenuAction } from "~/ui/menu";
import { copyText } from "~/ui/parts";
import { toast } from "~/ui/toast";
import { words } from "../strings";
import type { ActionsProps } from "./actions";

/** Opens at once: it is made because somebody pressed the button that it takes the place of. */
export default function ActionsMenu({ message, onQuote, onFacts }: ActionsProps) {
  const t = useStrings(words);
  const [isOpen, setOpen] = useState(true);
  const actions: MenuAction[] = [];
  if (!message.revoked_at)
    actions.push({ id: "reply", label: t.reply, icon: "reply", onAction: () => onQuote(message) });
  if (message.body) {
    actions.push({ id: "copy", label: t.copy, icon: "copy", onAction: () => void copyText(message.body) });
  }
  if (message.ai) actions.push({ id: "why", label: t.why, icon: "ai", onAction: onFacts });
  if (message.status === "queued" && message.from_me) {
    actions.push({
      id: "cancel",
      label: t.cancelSend,
      icon: "close",
      danger: true,
      onAction: () => void messageCalls.cancel(message.id).catch(toast.problem),
    });
  }
  return (
    <Menu label={t.actions} actions={actions} isOpen={isOpen} onOpenChange={setOpen}>
      <IconButton icon="chevronDown" label={t.actions} size="s" />
    </Menu>
  );
}
