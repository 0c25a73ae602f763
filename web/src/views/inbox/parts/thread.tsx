/** One conversation: who it is, whether the AI answers, what was said, and the field to write in. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { Conversation, Message } from "~/api/types";
import { contactName, conversationQuery } from "~/data/conversations";
import { useTyping } from "~/data/typing";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { Icon } from "~/ui/icon";
import { IconButton } from "~/ui/icon-button";
import { Avatar } from "~/ui/parts";
import { Loaded } from "~/ui/states";
import { words } from "../strings";
import { AiBanner } from "./banner";
import { Composer } from "./composer";
import { Messages } from "./messages";

const ContactPanel = lazy(() => import("./panel"));

export function ThreadPage() {
  const { conversationId } = useParams({ strict: false });
  const { at } = useSearch({ strict: false });
  if (!conversationId) return null;
  return <Thread key={conversationId} id={conversationId} at={at ?? null} />;
}

function Thread({ id, at }: { id: string; at: number | null }) {
  const t = useStrings(words);
  const conversation = useQuery(conversationQuery(id));
  const [panel, setPanel] = useState(false);
  const [quoted, setQuoted] = useState<Message | null>(null);
  const [returned, setReturned] = useState("");
  return (
    <section className="inbox-thread" aria-label={t.thread}>
      <Loaded query={conversation}>
        {(one) => (
          <>
            <Head conversation={one} onPanel={() => setPanel(true)} />
            <AiBanner conversation={one} />
            <Messages conversation={one} at={at} onQuote={setQuoted} onReturn={setReturned} />
            <Composer
              conversation={one}
              quoted={quoted}
              onQuoteDone={() => setQuoted(null)}
              returned={returned}
              onReturnedDone={() => setReturned("")}
            />
            {panel && (
              <Suspense>
                <ContactPanel conversation={one} onClose={() => setPanel(false)} />
              </Suspense>
            )}
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
