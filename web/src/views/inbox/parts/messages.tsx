/** What was said: grows where a person scrolls, lets go what is far away, and goes to any message of the conversation. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { asProblem } from "~/api/problem";
import type { Conversation, Message } from "~/api/types";
import { useStore } from "~/app/store";
import { contactName } from "~/data/conversations";
import { goTo, grow, letGo, messagesQuery } from "~/data/messages";
import { outgoing } from "~/data/outgoing";
import { useFormat } from "~/i18n/format";
import { formatPhone } from "~/i18n/phone";
import { problemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { IconButton } from "~/ui/icon-button";
import { Spinner } from "~/ui/spinner";
import { ErrorState, Loading } from "~/ui/states";
import { toast } from "~/ui/toast";
import { words } from "../strings";
import { firstUnread, timeline } from "../timeline";
import { Bubble } from "./bubble";
import { Pending } from "./pending";
import { useRead } from "./read";
import { useSteady } from "./steady";

/** So near to an end of what is loaded (px), more is loaded: two or three screens. */
const AHEAD = 2400;
/** So far from the newest message (px), a button leads back to it. */
const FAR = 600;
const FLASH_MS = 2000;

export function Messages({
  conversation,
  at,
  onQuote,
  onReturn,
}: {
  conversation: Conversation;
  /** The `seq` of the message to show; null: the newest. */
  at: number | null;
  onQuote: (message: Message) => void;
  onReturn: (text: string) => void;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const { id } = conversation;
  const query = useQuery({ ...messagesQuery(id), enabled: at === null });
  // rendered beside what the person does: scrolling goes on while forty bubbles are made
  const shown = useDeferredValue(query.data);
  const waiting = useStore(outgoing).filter((one) => one.conversation === id);
  const [unread, setUnread] = useState<number | null | undefined>(undefined);
  if (unread === undefined && query.data) setUnread(firstUnread(query.data.items, conversation.unread_count));
  const items = useMemo(() => timeline(shown?.items ?? [], unread ?? null), [shown, unread]);
  const byWaId = useMemo(() => new Map(shown?.items.map((one) => [one.wa_id, one])), [shown]);
  const scroller = useRef<HTMLDivElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const growing = useRef(false);
  const [state, setState] = useState<{ growing: boolean; error: unknown }>({ growing: false, error: null });
  const [far, setFar] = useState(false);
  /** What is to be brought into sight once it is in the page; `seq` null: the newest message. */
  const [target, setTarget] = useState<{ seq: number | null } | null>(null);
  const [flash, setFlash] = useState<number | null>(null);
  const { keep, before } = useSteady(scroller, log, !shown?.newer, shown);

  const more = useCallback(async () => {
    const box = scroller.current;
    const now = client.getQueryData(messagesQuery(id).queryKey);
    // where a slow device has yet to show what came, what is measured is not what is loaded
    if (!box || !now || growing.current || shown !== now) return;
    const above = box.scrollHeight - box.clientHeight + box.scrollTop;
    const direction =
      now.newer && -box.scrollTop < AHEAD ? "newer" : now.older && above < AHEAD ? "older" : null;
    if (!direction) return;
    growing.current = true;
    setState({ growing: true, error: null });
    let error: unknown = null;
    try {
      await grow(client, id, direction);
    } catch (problem) {
      error = problem;
    }
    growing.current = false;
    setState({ growing: false, error });
  }, [client, id, shown]);

  // after each change: what is loaded may still not fill the screen
  useEffect(() => {
    if (shown && !state.growing && !state.error) void more();
  }, [shown, state, more]);

  const show = useCallback(
    async (seq: number | null) => {
      const now = client.getQueryData(messagesQuery(id).queryKey);
      try {
        if (seq === null ? now?.newer !== false : !now?.items.some((one) => one.seq === seq)) {
          await goTo(client, id, seq);
        }
      } catch (problem) {
        if (!now) throw problem;
        toast.problem(problem);
        return;
      }
      setTarget({ seq });
    },
    [client, id],
  );

  const [lost, setLost] = useState<unknown>(null);
  useEffect(() => {
    if (at === null) return;
    setLost(null);
    show(at).catch(setLost);
  }, [at, show]);

  // what was asked for is in the page by now: bring it to the middle, and point it out for a moment
  useEffect(() => {
    if (!target || !shown) return;
    if (target.seq === null) {
      if (shown.newer) return;
      setTarget(null);
      scroller.current?.scrollTo({ top: 0 });
      keep();
      return;
    }
    const found = log.current?.querySelector(`[data-seq="${target.seq}"]`);
    if (!found) return;
    setTarget(null);
    found.scrollIntoView({ block: "center" });
    keep();
    setFlash(target.seq);
  }, [target, shown, keep]);
  useEffect(() => {
    if (flash === null) return;
    const timer = setTimeout(() => setFlash(null), FLASH_MS);
    return () => clearTimeout(timer);
  }, [flash]);

  // the first unread message is above the screen: begin there
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || !shown) return;
    begun.current = true;
    const mark = at === null ? log.current?.querySelector(".inbox-new") : null;
    const top = scroller.current?.getBoundingClientRect().top ?? 0;
    if (mark && mark.getBoundingClientRect().top < top) mark.scrollIntoView({ block: "start" });
    keep();
  }, [shown, at, keep]);

  useEffect(() => () => letGo(client, id), [client, id]);

  // an empty conversation may be marked as unread too
  useRead(conversation, query.data && !query.data.newer ? (query.data.items[0]?.id ?? "") : undefined);

  // one's own words are always shown
  const said = waiting.at(-1)?.key;
  useEffect(() => {
    if (said) void show(null);
  }, [said, show]);

  function onScroll() {
    keep();
    setFar((scroller.current?.scrollTop ?? 0) < -FAR);
    if (!state.error) void more();
  }

  const failed = query.error ?? lost;
  if (failed && !shown) {
    return (
      <div className="inbox-scroll">
        <ErrorState error={failed} onRetry={() => (at === null ? void query.refetch() : void show(at))} />
      </div>
    );
  }
  if (!shown) {
    return (
      <div className="inbox-scroll">
        <Loading />
      </div>
    );
  }
  const name = contactName(conversation, formatPhone);
  return (
    <div className="inbox-messages">
      {before}
      {/* column-reverse: the browser counts from the end, so older messages above push nothing down */}
      <div ref={scroller} className="inbox-scroll" onScroll={onScroll}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <div ref={log} className="inbox-log" role="log" aria-label={t.messages} tabIndex={0}>
          <div className="inbox-older">
            {state.error ? (
              <span className="inbox-older-failed">
                {problemText(asProblem(state.error)).title}
                <Button size="s" icon="refresh" onPress={() => setState({ growing: false, error: null })}>
                  {t.tryAgain}
                </Button>
              </span>
            ) : shown.older ? (
              <Spinner size={20} />
            ) : (
              <span>{items.length > 0 ? t.beginning : t.noMessages}</span>
            )}
          </div>
          {items.map((item) =>
            item.kind === "day" ? (
              <h3 key={item.key} className="inbox-day">
                <span>{format.day(item.at)}</span>
              </h3>
            ) : item.kind === "unread" ? (
              <h3 key={item.key} className="inbox-new">
                <span>{t.newMessages}</span>
              </h3>
            ) : (
              <Bubble
                key={item.key}
                item={item}
                quoted={
                  item.message.quoted_wa_id ? (byWaId.get(item.message.quoted_wa_id) ?? null) : undefined
                }
                group={conversation.kind === "group"}
                contact={name}
                flash={flash === item.message.seq}
                onQuote={onQuote}
                onShow={show}
              />
            ),
          )}
          {!shown.newer && waiting.map((one) => <Pending key={one.key} one={one} onReturn={onReturn} />)}
        </div>
      </div>
      {(far || shown.newer) && (
        <div className="inbox-latest">
          <IconButton icon="chevronDown" label={t.toNewest} onPress={() => void show(null)} />
        </div>
      )}
    </div>
  );
}
