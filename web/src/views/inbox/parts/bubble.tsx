/** One message: who wrote it, what it says, where it stands, and what can be done with it. */
import { useState } from "react";
import type { Message } from "~/api/types";
import { messageCalls } from "~/data/messages";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { IconButton } from "~/ui/button";
import { classes } from "~/ui/classes";
import { Icon, type IconName } from "~/ui/icon";
import { Menu, type MenuAction } from "~/ui/menu";
import { copyText } from "~/ui/parts";
import { toast } from "~/ui/toast";
import { words } from "../strings";
import { coordinates, type Item, links } from "../timeline";
import { AiFacts } from "./facts";
import { Media } from "./media";

const TICKS: Partial<Record<Message["status"], IconName>> = {
  queued: "clock",
  sending: "clock",
  sent: "check",
  delivered: "checks",
  read: "checks",
  played: "checks",
  failed: "warn",
  cancelled: "close",
};

export function Bubble({
  item,
  quoted,
  group,
  contact,
  onQuote,
}: {
  item: Extract<Item, { kind: "message" }>;
  /** What it answers to; null: it is not loaded; undefined: it answers to none. */
  quoted: Message | null | undefined;
  group: boolean;
  contact: string;
  onQuote: (message: Message) => void;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const { message, first, reactions } = item;
  const [facts, setFacts] = useState(false);
  const mine = message.from_me;
  const tick = mine ? TICKS[message.status] : undefined;
  const writer = mine
    ? t.writers[message.author]
    : group
      ? (message.sender_name ?? message.sender_jid.split("@")[0])
      : "";
  if (message.type === "system") {
    return (
      <p className="inbox-system">
        <span>{message.body}</span>
      </p>
    );
  }
  return (
    <article
      className={classes(
        "bubble",
        mine ? `bubble-mine bubble-${message.author}` : "bubble-theirs",
        first && "bubble-first",
      )}
      aria-label={t.messageOf(
        mine ? t.writers[message.author] : contact,
        format.dateTime(message.created_at),
      )}
    >
      {first && writer && (
        <p className="bubble-writer">
          {message.author === "ai" && <Icon name="ai" size={13} />}
          {writer}
        </p>
      )}
      {quoted !== undefined && (
        <blockquote className="bubble-quote">
          <strong>
            {quoted
              ? quoted.from_me
                ? t.writers[quoted.author]
                : (quoted.sender_name ?? contact)
              : t.earlier}
          </strong>
          <span>{quoted ? quoted.body || t.types[quoted.type] : t.notLoaded}</span>
        </blockquote>
      )}
      <Content message={message} />
      <footer className="bubble-foot">
        {message.edited_at && !message.revoked_at && <span>{t.edited}</span>}
        {message.ai && (
          <button type="button" className="bubble-ai" onClick={() => setFacts(true)}>
            {t.tiers[message.ai.tier as keyof typeof t.tiers] ?? message.ai.tier}
            {message.ai.cost_microusd ? ` · ${format.cost(message.ai.cost_microusd)}` : ""}
            <span className="visually-hidden"> {t.why}</span>
          </button>
        )}
        {message.skip_reason && (
          <span title={t.skips[message.skip_reason as keyof typeof t.skips] ?? message.skip_reason}>
            {t.skipped}
          </span>
        )}
        <time dateTime={message.created_at}>{format.time(message.created_at)}</time>
        {tick && (
          <span
            className={classes("bubble-tick", `bubble-tick-${message.status}`)}
            title={t.statuses[message.status]}
          >
            <Icon name={tick} size={15} />
            <span className="visually-hidden">{t.statuses[message.status]}</span>
          </span>
        )}
      </footer>
      {(message.status === "failed" || message.status === "cancelled") && mine && (
        <p className="bubble-error">
          {t.errors[message.error_code as keyof typeof t.errors] ?? message.error ?? ""}
        </p>
      )}
      {reactions.length > 0 && (
        <p className="bubble-reactions">
          <span className="visually-hidden">{t.reactions} </span>
          {reactions.join(" ")}
        </p>
      )}
      <Actions message={message} onQuote={onQuote} onFacts={() => setFacts(true)} />
      {facts && message.ai && <AiFacts ai={message.ai} onClose={() => setFacts(false)} />}
    </article>
  );
}

function Content({ message }: { message: Message }) {
  const t = useStrings(words);
  if (message.revoked_at) {
    return (
      <p className="bubble-gone">
        <Icon name="trash" size={15} /> {t.revoked}
      </p>
    );
  }
  if (message.type === "unknown") return <p className="bubble-gone">{t.unreadable}</p>;
  const place = message.type === "location" ? coordinates(message.body) : null;
  return (
    <>
      {message.media && <Media message={message} />}
      {place && (
        <a
          className="bubble-place"
          href={`https://www.openstreetmap.org/?mlat=${place.latitude}&mlon=${place.longitude}#map=16/${place.latitude}/${place.longitude}`}
          target="_blank"
          rel="noreferrer noopener"
        >
          <Icon name="pin" size={18} /> {t.openMap}
        </a>
      )}
      {message.body && (
        <p className="bubble-text" dir="auto">
          {links(message.body).map((part, place) =>
            part.href ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other identity
              <a key={place} href={part.href} target="_blank" rel="noreferrer noopener">
                {part.text}
              </a>
            ) : (
              part.text
            ),
          )}
        </p>
      )}
      {!message.body && !message.media && !place && <p className="bubble-gone">{t.types[message.type]}</p>}
    </>
  );
}

function Actions({
  message,
  onQuote,
  onFacts,
}: {
  message: Message;
  onQuote: (message: Message) => void;
  onFacts: () => void;
}) {
  const t = useStrings(words);
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
  if (actions.length === 0) return null;
  return (
    <div className="bubble-actions">
      <Menu label={t.actions} actions={actions}>
        <IconButton icon="chevronDown" label={t.actions} size="s" />
      </Menu>
    </div>
  );
}
