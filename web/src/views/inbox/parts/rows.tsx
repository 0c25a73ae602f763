/** The rows of the list: only those in sight are in the page. Arrow keys go from one to the next. */
import { Link, useRouter } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useRef } from "react";
import type { Conversation } from "~/api/types";
import { contactName } from "~/data/conversations";
import { useTyping } from "~/data/typing";
import { useFormat } from "~/i18n/format";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { classes } from "~/ui/classes";
import { Icon } from "~/ui/icon";
import { Avatar } from "~/ui/parts";
import { previewText } from "../preview";
import { words } from "../strings";

const ROW = 76;

export function Rows({
  rows,
  open,
  many,
  name,
  more,
}: {
  rows: Conversation[];
  open?: string;
  many: boolean;
  name: (session: string) => string;
  more: (() => void) | null;
}) {
  const t = useStrings(words);
  const router = useRouter();
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rows.length - 10) more();
  }, [more, last, rows.length]);

  function onKeyDown(event: KeyboardEvent) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const focused = (document.activeElement as HTMLElement | null)?.dataset.row;
    const from = focused === undefined ? rows.findIndex((one) => one.id === open) : Number(focused);
    const to = Math.min(rows.length - 1, Math.max(0, from + step));
    const next = rows[to];
    if (!next) return;
    virtual.scrollToIndex(to);
    void router.navigate({ to: "/inbox/$conversationId", params: { conversationId: next.id } });
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-row="${to}"]`)?.focus({ preventScroll: true }),
    );
  }

  return (
    <nav ref={scroller} className="inbox-rows" aria-label={t.conversations} onKeyDown={onKeyDown}>
      <ul style={{ blockSize: virtual.getTotalSize() }}>
        {shown.map((item) => {
          const row = rows[item.index];
          return row ? (
            <li key={item.key} style={{ transform: `translateY(${item.start}px)` }}>
              <Row
                row={row}
                index={item.index}
                isOpen={row.id === open}
                number={many ? name(row.session_id) : null}
              />
            </li>
          ) : null;
        })}
      </ul>
    </nav>
  );
}

function Row({
  row,
  index,
  isOpen,
  number,
}: {
  row: Conversation;
  index: number;
  isOpen: boolean;
  number: string | null;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const name = contactName(row, formatPhone);
  const typing = useTyping(row);
  const isAhead = (end: string | null | undefined) => !!end && Date.parse(end) > Date.now();
  const paused = isAhead(row.ai_paused_until);
  const stopped = isAhead(row.ai_stopped_until);
  return (
    <Link
      to="/inbox/$conversationId"
      params={{ conversationId: row.id }}
      className={classes("inbox-row", isOpen && "inbox-row-open", row.unread_count > 0 && "inbox-row-unread")}
      data-row={index}
      aria-current={isOpen ? "true" : undefined}
    >
      <Avatar
        name={row.contact_name ?? ""}
        seed={row.id}
        size={44}
        {...(row.kind === "group" ? { icon: "group" as const } : {})}
      />
      <span className="inbox-row-text">
        <span className="inbox-row-top">
          <span className="inbox-row-name">{name}</span>
          {row.last_message_at && (
            <time className="inbox-row-time">{format.listTime(row.last_message_at)}</time>
          )}
        </span>
        <span className="inbox-row-bottom">
          {typing ? (
            <span className="inbox-row-preview inbox-typing">{t[typing]}</span>
          ) : (
            <span className="inbox-row-preview">{previewText(row.last_message_preview, t.types)}</span>
          )}
          {row.ai_failed_at ? (
            <span className="inbox-mark tone-bad" title={t.failedMark}>
              <Icon name="warn" size={15} />
              <span className="visually-hidden">{t.failedMark}</span>
            </span>
          ) : paused || stopped ? (
            <span className="inbox-mark" title={paused ? t.pausedMark : t.stoppedMark}>
              <Icon name={paused ? "person" : "hand"} size={15} />
              <span className="visually-hidden">{paused ? t.pausedMark : t.stoppedMark}</span>
            </span>
          ) : row.ai_state === "waiting" || row.ai_state === "answering" ? (
            <span className="inbox-mark tone-ai" title={t.workingMark}>
              <Icon name="ai" size={15} />
              <span className="visually-hidden">{t.workingMark}</span>
            </span>
          ) : null}
          {row.unread_count > 0 && (
            <span className="inbox-unread">
              <span aria-hidden="true">{row.unread_count > 99 ? "99+" : row.unread_count}</span>
              <span className="visually-hidden">{t.unread(row.unread_count)}</span>
            </span>
          )}
        </span>
        {number && <span className="inbox-row-number">{number}</span>}
      </span>
    </Link>
  );
}
