/** Conversations, the newest first: filters, search in names and in messages, and rows that load as one scrolls. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useDeferredValue, useState } from "react";
import type { Conversation, Schemas } from "~/api/types";
import { type ConversationFilter, contactName, conversationsQuery } from "~/data/conversations";
import { searchQuery } from "~/data/messages";
import { sessionName, useSessions } from "~/data/sessions";
import { useFormat } from "~/i18n/format";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { classes } from "~/ui/classes";
import { SearchField } from "~/ui/field";
import { IconButton } from "~/ui/icon-button";
import { Empty, ErrorState, Skeleton } from "~/ui/states";
import { formatted, plain } from "../formatted";
import { words } from "../strings";
import { Rows } from "./rows";

const NewDialog = lazy(() => import("./new-dialog"));
const NumberFilter = lazy(() => import("./number-filter"));

const SHOWS = ["all", "unread", "failed", "groups"] as const;
type Show = (typeof SHOWS)[number];

export function ConversationList({ open }: { open?: string }) {
  const t = useStrings(words);
  const sessions = useSessions();
  const [show, setShow] = useState<Show>("all");
  const [session, setSession] = useState("");
  const [typed, setTyped] = useState("");
  const [writing, setWriting] = useState(false);
  const q = useDeferredValue(typed.trim());
  const filter: ConversationFilter = {
    ...(session ? { session } : {}),
    ...(show === "unread" ? { unread: true } : {}),
    ...(show === "failed" ? { failed: true } : {}),
    ...(show === "groups" ? { kind: "group" as const } : {}),
    ...(q ? { q } : {}),
  };
  const query = useInfiniteQuery(conversationsQuery(filter));
  const hits = useQuery(searchQuery(q, session || undefined)).data?.items ?? [];
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  const all = sessions.data ?? [];
  /** Of a number that was never linked there is nothing to choose. */
  const numbers = all.filter((one) => one.jid !== null || one.last_connected_at !== null);
  const writable = numbers.filter((one) => one.status !== "logged_out");
  const filtered = show !== "all" || Boolean(q || session);
  return (
    <section className="inbox-list" aria-label={t.title}>
      <header className="inbox-list-head">
        <div className="inbox-list-title">
          <h1>{t.title}</h1>
          {writable.length > 0 && (
            <IconButton icon="plus" label={t.newMessage} onPress={() => setWriting(true)} />
          )}
        </div>
        <SearchField label={t.search} value={typed} onChange={setTyped} />
        <fieldset className="inbox-filters">
          <legend className="visually-hidden">{t.filter}</legend>
          {SHOWS.map((one) => (
            <button
              key={one}
              type="button"
              className="inbox-filter"
              aria-pressed={show === one}
              onClick={() => setShow(one)}
            >
              {t.shows[one]}
            </button>
          ))}
        </fieldset>
        {numbers.length > 1 && (
          <Suspense fallback={<div className="inbox-number" />}>
            <NumberFilter numbers={numbers} value={session} onChange={setSession} />
          </Suspense>
        )}
      </header>
      {query.isError && !query.data ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Waiting />
      ) : rows.length === 0 ? (
        hits.length === 0 && (
          <NoRows show={show} searched={Boolean(q)} filtered={filtered} linked={numbers.length > 0} />
        )
      ) : (
        <Rows
          rows={rows}
          many={numbers.length > 1}
          name={(id) => {
            const one = all.find((known) => known.session_id === id);
            return one ? sessionName(one) : id;
          }}
          {...(open ? { open } : {})}
          more={query.hasNextPage && !query.isFetchingNextPage ? () => void query.fetchNextPage() : null}
        />
      )}
      {writing && (
        <Suspense>
          <NewDialog numbers={writable} chosen={session} onClose={() => setWriting(false)} />
        </Suspense>
      )}
      {hits.length > 0 && <Hits hits={hits} alone={rows.length === 0} />}
    </section>
  );
}

function Hits({ hits, alone }: { hits: readonly Schemas["MessageHit"][]; alone: boolean }) {
  const t = useStrings(words);
  const format = useFormat();
  return (
    <section className={classes("inbox-hits", alone && "inbox-hits-alone")} aria-label={t.inMessages}>
      <h2>{t.inMessages}</h2>
      <ul>
        {hits.map(({ message, conversation }) => (
          <li key={message.id}>
            <Link
              to="/inbox/$conversationId"
              params={{ conversationId: message.conversation_id }}
              search={{ at: message.seq }}
              className="inbox-hit"
            >
              <span className="inbox-row-top">
                <span className="inbox-row-name">
                  {contactName(conversation as Conversation, formatPhone)}
                </span>
                <time className="inbox-row-time">{format.listTime(message.created_at)}</time>
              </span>
              <span className="inbox-row-preview">{plain(formatted(message.body))}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NoRows({
  show,
  searched,
  filtered,
  linked,
}: {
  show: Show;
  searched: boolean;
  filtered: boolean;
  linked: boolean;
}) {
  const t = useStrings(words);
  const router = useRouter();
  if (show !== "all" && !searched) {
    return (
      <Empty icon={show === "groups" ? "group" : "check"} title={t.noneShown[show].title}>
        <p>{t.noneShown[show].text}</p>
      </Empty>
    );
  }
  if (filtered) {
    return (
      <Empty icon="search" title={t.noMatch}>
        <p>{t.noMatchText}</p>
      </Empty>
    );
  }
  return (
    <Empty
      icon="inbox"
      title={t.emptyTitle}
      action={
        linked ? null : (
          <Button kind="primary" icon="link" onPress={() => void router.navigate({ to: "/numbers" })}>
            {t.linkNumber}
          </Button>
        )
      }
    >
      <p>{linked ? t.emptyLinked : t.emptyText}</p>
    </Empty>
  );
}

function Waiting() {
  return (
    <div className="inbox-rows" aria-hidden="true">
      {[1, 2, 3, 4, 5, 6].map((place) => (
        <div key={place} className="inbox-row">
          <Skeleton round width="2.75rem" height="2.75rem" />
          <span className="inbox-row-text">
            <Skeleton width="45%" />
            <Skeleton width="80%" height="0.8em" />
          </span>
        </div>
      ))}
    </div>
  );
}
