/** One message: who wrote it, what it says, where it stands, and what can be done with it. */
import { useQuery } from "@tanstack/react-query";
import { lazy, memo, Suspense, useState } from "react";
import type { Message } from "~/api/types";
import { quotedQuery } from "~/data/messages";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { classes } from "~/ui/classes";
import { Icon, type IconName } from "~/ui/icon";
import { formatted, type Piece, plain } from "../formatted";
import { words } from "../strings";
import { coordinates, type Item, reactions } from "../timeline";
import { Actions } from "./actions";
import { Media } from "./media";

const AiFacts = lazy(() => import("./facts"));

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

/** Why the AI left a message unanswered, where nobody wonders: the banner says so, or a person did. */
const EXPECTED = new Set([
  "ai_off", "conversation_off", "no_api_key", "group", "status", "channel", "paused", "answered_by_person",
  "resume_keyword",
]); // biome-ignore format: one line a group

interface BubbleProps {
  item: Extract<Item, { kind: "message" }>;
  /** What it answers to; null: it is not loaded; undefined: it answers to none. */
  quoted: Message | null | undefined;
  group: boolean;
  contact: string;
  /** It was looked for: point it out. */
  flash: boolean;
  onQuote: (message: Message) => void;
  onShow: (seq: number) => void;
}

/** Items are made anew with each message; bubbles only where what they show has changed. */
function same(a: BubbleProps, b: BubbleProps): boolean {
  return (
    a.item.message === b.item.message &&
    a.item.first === b.item.first &&
    a.quoted === b.quoted &&
    a.group === b.group &&
    a.contact === b.contact &&
    a.flash === b.flash &&
    a.onQuote === b.onQuote &&
    a.onShow === b.onShow
  );
}

export const Bubble = memo(function Bubble({
  item,
  quoted,
  group,
  contact,
  flash,
  onQuote,
  onShow,
}: BubbleProps) {
  const t = useStrings(words);
  const format = useFormat();
  const { message, first } = item;
  const reacted = reactions(message);
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
        flash && "bubble-flash",
      )}
      data-seq={message.seq}
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
      {quoted !== undefined && <Quote message={message} quoted={quoted} contact={contact} onShow={onShow} />}
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
        {message.skip_reason && !EXPECTED.has(message.skip_reason) && (
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
      {reacted.length > 0 && (
        <p className="bubble-reactions">
          <span className="visually-hidden">{t.reactions} </span>
          {reacted.join(" ")}
        </p>
      )}
      <Actions message={message} onQuote={onQuote} onFacts={() => setFacts(true)} />
      {facts && message.ai && (
        <Suspense>
          <AiFacts ai={message.ai} onClose={() => setFacts(false)} />
        </Suspense>
      )}
    </article>
  );
}, same);

/** What it answers to; pressing it goes there, however long ago that was. */
function Quote({
  message,
  quoted,
  contact,
  onShow,
}: {
  message: Message;
  quoted: Message | null;
  contact: string;
  onShow: (seq: number) => void;
}) {
  const t = useStrings(words);
  const waId = message.quoted_wa_id ?? "";
  const { data } = useQuery({
    ...quotedQuery(message.conversation_id, waId),
    enabled: !quoted && waId !== "",
  });
  const found = quoted ?? data;
  if (!found) {
    return (
      <blockquote className="bubble-quote">
        <strong>{t.earlier}</strong>
        <span>{data === null ? t.notStored : "…"}</span>
      </blockquote>
    );
  }
  return (
    <blockquote>
      <button type="button" className="bubble-quote" onClick={() => onShow(found.seq)}>
        <strong>{found.from_me ? t.writers[found.author] : (found.sender_name ?? contact)}</strong>
        <span>{plain(formatted(found.body)) || t.types[found.type]}</span>
      </button>
    </blockquote>
  );
}

function Pieces({ of }: { of: readonly Piece[] }) {
  return of.map((piece, place) => {
    if (typeof piece === "string") return piece;
    if ("href" in piece) {
      return (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other identity
        <a key={place} href={piece.href} target="_blank" rel="noreferrer noopener">
          {piece.href}
        </a>
      );
    }
    const { mark: Marked, inside } = piece;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other identity
      <Marked key={place}>
        <Pieces of={inside} />
      </Marked>
    );
  });
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
          <Pieces of={formatted(message.body)} />
        </p>
      )}
      {!message.body && !message.media && !place && <p className="bubble-gone">{t.types[message.type]}</p>}
    </>
  );
}
