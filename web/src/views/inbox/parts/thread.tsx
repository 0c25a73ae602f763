/** One conversation: who it is, whether the AI answers, what was said, and the field to write in. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Conversation, Message } from "~/api/types";
import { contactName, conversationCalls, conversationQuery, putConversation } from "~/data/conversations";
import { messagesQuery } from "~/data/messages";
import { useTyping } from "~/data/typing";
import { useFormat } from "~/i18n/format";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { IconButton } from "~/ui/button";
import { Icon } from "~/ui/icon";
import { Avatar } from "~/ui/parts";
import { Spinner } from "~/ui/spinner";
import { ErrorState, Loaded, Loading } from "~/ui/states";
import { words } from "../strings";
import { timeline } from "../timeline";
import { AiBanner } from "./banner";
import { Bubble } from "./bubble";
import { Composer } from "./composer";
import { ContactPanel } from "./panel";

export function ThreadPage() {
  const { conversationId } = useParams({ strict: false });
  if (!conversationId) return null;
  return <Thread key={conversationId} id={conversationId} />;
}

function Thread({ id }: { id: string }) {
  const t = useStrings(words);
  const conversation = useQuery(conversationQuery(id));
  const [panel, setPanel] = useState(false);
  const [quoted, setQuoted] = useState<Message | null>(null);
  return (
    <section className="inbox-thread" aria-label={t.thread}>
      <Loaded query={conversation}>
        {(one) => (
          <>
            <Head conversation={one} onPanel={() => setPanel(true)} />
            <AiBanner conversation={one} />
            <Messages conversation={one} onQuote={setQuoted} />
            <Composer conversation={one} quoted={quoted} onQuoteDone={() => setQuoted(null)} />
            {panel && <ContactPanel conversation={one} onClose={() => setPanel(false)} />}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Head({ conversation, onPanel }: { conversation: Conversation; onPanel: () => void }) {
  const t = useStrings(words);
  const name = contactName(conversation, formatPhone);
  const typing = useTyping(conversation);
  return (
    <header className="inbox-head">
      <Link to="/inbox" className="inbox-back icon-button button-quiet" aria-label={t.back}>
        <Icon name="arrowLeft" size={20} />
      </Link>
      <Avatar
        name={conversation.contact_name ?? ""}
        seed={conversation.id}
        size={40}
        {...(conversation.kind === "group" ? { icon: "group" as const } : {})}
      />
      <div className="inbox-head-who">
        <h2>{name}</h2>
        {typing ? (
          <p className="inbox-typing">{t[typing]}</p>
        ) : (
          conversation.contact_phone &&
          conversation.contact_name && <p>{formatPhone(conversation.contact_phone)}</p>
        )}
      </div>
      <IconButton icon="info" label={t.details} onPress={onPanel} />
    </header>
  );
}

function Messages({
  conversation,
  onQuote,
}: {
  conversation: Conversation;
  onQuote: (message: Message) => void;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const query = useInfiniteQuery(messagesQuery(conversation.id));
  const loaded = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const items = useMemo(() => timeline(loaded), [loaded]);
  const byWaId = useMemo(() => new Map(loaded.map((one) => [one.wa_id, one])), [loaded]);
  const scroller = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;

  useEffect(() => {
    const mark = top.current;
    if (!mark || !hasNextPage || isFetchingNextPage) return;
    const watch = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && void fetchNextPage(),
      { root: scroller.current, rootMargin: "1200px 0px 0px" },
    );
    watch.observe(mark);
    return () => watch.disconnect();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  const newest = loaded[0];
  useRead(conversation, newest?.id);

  if (query.isError && !query.data) {
    return (
      <div className="inbox-scroll">
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      </div>
    );
  }
  if (query.isPending) {
    return (
      <div className="inbox-scroll">
        <Loading />
      </div>
    );
  }
  return (
    // column-reverse: the browser counts from the bottom, so older messages above push nothing down
    <div ref={scroller} className="inbox-scroll">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className="inbox-log" role="log" aria-label={t.messages} tabIndex={0}>
        <div ref={top} className="inbox-older">
          {isFetchingNextPage && <Spinner size={20} />}
          {!hasNextPage && items.length > 0 && <span>{t.beginning}</span>}
          {items.length === 0 && <span>{t.noMessages}</span>}
        </div>
        {items.map((item) =>
          item.kind === "day" ? (
            <h3 key={item.key} className="inbox-day">
              <span>{format.day(item.at)}</span>
            </h3>
          ) : (
            <Bubble
              key={item.key}
              item={item}
              quoted={item.message.quoted_wa_id ? (byWaId.get(item.message.quoted_wa_id) ?? null) : undefined}
              group={conversation.kind === "group"}
              contact={contactName(conversation, formatPhone)}
              onQuote={onQuote}
            />
          ),
        )}
      </div>
    </div>
  );
}

/** Marks a conversation as read while a person has it before them. */
function useRead(conversation: Conversation, newest: string | undefined): void {
  const client = useQueryClient();
  const { id, unread_count } = conversation;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `newest`: each new message asks again
  useEffect(() => {
    if (!unread_count) return;
    const read = () => {
      if (document.visibilityState !== "visible" || keptUnread.has(id)) return;
      void conversationCalls.read(id).then(
        (answer) => putConversation(client, id, answer),
        () => {}, // it stays unread, and the next message or visit tries again
      );
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [client, id, unread_count, newest]);
  useEffect(() => () => void keptUnread.delete(id), [id]);
}

/** Conversations that a person marked as unread and still looks at. */
export const keptUnread = new Set<string>();
