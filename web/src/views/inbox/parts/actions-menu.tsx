import { lazy, Suspense, useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { Dialog as AriaDialog, DialogTrigger } from "react-aria-components/Dialog";
import { Popover } from "react-aria-components/Popover";
import { messageCalls } from "~/data/messages";
import { useStrings } from "~/i18n/strings";
import { classes } from "~/ui/classes";
import { confirmed } from "~/ui/confirmed";
import { IconButton } from "~/ui/icon-button";
import { Menu, type MenuAction } from "~/ui/menu";
import { copyText } from "~/ui/parts";
import { toast } from "~/ui/toast";
import { words } from "../strings";
import { allowed, ownReaction } from "../timeline";
import type { ActionsProps } from "./actions";

const EditDialog = lazy(() => import("./edit-dialog"));

/** What WhatsApp's own apps offer first. */
const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/** Opens at once: it is made because somebody pressed the button that it takes the place of. */
export default function ActionsMenu({ message, onQuote, onFacts }: ActionsProps) {
  const t = useStrings(words);
  const [open, setOpen] = useState<"menu" | "emoji" | "edit" | null>("menu");
  const can = allowed(message, Date.now());
  const own = ownReaction(message);
  const actions: MenuAction[] = [];
  if (!message.revoked_at)
    actions.push({ id: "reply", label: t.reply, icon: "reply", onAction: () => onQuote(message) });
  if (can.react)
    actions.push({ id: "react", label: t.react, icon: "emoji", onAction: () => setOpen("emoji") });
  if (message.body) {
    actions.push({ id: "copy", label: t.copy, icon: "copy", onAction: () => void copyText(message.body) });
  }
  if (can.edit) actions.push({ id: "edit", label: t.edit, icon: "edit", onAction: () => setOpen("edit") });
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
  if (can.remove) {
    actions.push({
      id: "remove",
      label: t.remove,
      icon: "trash",
      danger: true,
      onAction: () => void remove(),
    });
  }

  const remove = () =>
    confirmed({ title: t.removeTitle, body: <p>{t.removeText}</p>, confirm: t.remove, danger: true }, () =>
      messageCalls.revoke(message.id),
    );

  function react(emoji: string) {
    setOpen(null);
    void messageCalls.react(message.id, emoji === own ? "" : emoji).catch(toast.problem);
  }

  if (open === "emoji") {
    return (
      <DialogTrigger isOpen onOpenChange={() => setOpen(null)}>
        <IconButton icon="chevronDown" label={t.actions} size="s" />
        <Popover className="popover" offset={4}>
          <AriaDialog className="bubble-react" aria-label={t.react}>
            {(own && !EMOJI.includes(own) ? [own, ...EMOJI] : EMOJI).map((one) => (
              <AriaButton
                key={one}
                className={classes("composer-emoji-one", one === own && "bubble-react-own")}
                aria-label={one === own ? t.reactionOff(one) : one}
                onPress={() => react(one)}
              >
                {one}
              </AriaButton>
            ))}
          </AriaDialog>
        </Popover>
      </DialogTrigger>
    );
  }
  return (
    <>
      <Menu
        label={t.actions}
        actions={actions}
        isOpen={open === "menu"}
        // choosing sets what opens next before the menu says that it closes
        onOpenChange={(isOpen) => setOpen((now) => (isOpen ? "menu" : now === "menu" ? null : now))}
      >
        <IconButton icon="chevronDown" label={t.actions} size="s" />
      </Menu>
      {open === "edit" && (
        <Suspense>
          <EditDialog message={message} onClose={() => setOpen(null)} />
        </Suspense>
      )}
    </>
  );
}
