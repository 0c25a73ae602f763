/** Linking one number, from the first code to the moment it is online. */
import { Link, useParams, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Session } from "~/api/types";
import { sessionCalls, sessionName, useSession } from "~/data/sessions";
import { useProblemText } from "~/i18n/problems";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Icon } from "~/ui/icon";
import { Notice, PageTitle } from "~/ui/parts";
import { Spinner } from "~/ui/spinner";
import { Empty, Loaded } from "~/ui/states";
import { Tabs } from "~/ui/tabs";
import { isLinked, reportedBy, useSessionCall } from "../queries";
import { words } from "../strings";
import { ByCode } from "./by-code";
import { ByQr } from "./by-qr";
import { PasskeyStep } from "./passkey";
import { Success } from "./success";
import "../view.css";

type Method = "qr" | "code";
export interface Ask {
  method: Method;
  phone?: string;
}

export function LinkPage() {
  const t = useStrings(words);
  const { sessionId } = useParams({ from: "/shell/numbers/$sessionId/link" });
  const session = useSession(sessionId);
  return (
    <div className="page numbers-link">
      <PageTitle>{t.linkTitle}</PageTitle>
      <Link to="/numbers" className="numbers-back">
        <Icon name="arrowLeft" size={18} />
        {t.back}
      </Link>
      <Loaded query={session}>
        {(found) =>
          found ? <Linking key={found.session_id} session={found} /> : <Empty icon="phone" title={t.gone} />
        }
      </Loaded>
    </div>
  );
}

function Linking({ session }: { session: Session }) {
  const t = useStrings(words);
  const [method, setMethod] = useState<Method>(session.status === "pairing" ? "code" : "qr");
  const connect = useSessionCall((ask: Ask) => sessionCalls.connect(session.session_id, ask));
  const begun = useRef(false);
  const { mutate } = connect;

  // Opening the page is asking for a code; after a failure only the person asks again.
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    if (needsAsking(session)) mutate({ method: "qr" });
  }, [session, mutate]);

  const choose = (next: Method) => {
    setMethod(next);
    if (next === "qr" && session.status === "pairing") mutate({ method: "qr" });
  };

  const trouble = useTrouble(session);

  if (session.status === "open") return <Success session={session} />;
  if (session.status === "passkey") return <PasskeyStep session={session} />;

  const title = session.name || session.jid ? t.relinkTitle(sessionName(session)) : t.linkTitle;
  const failed = session.status === "closed" && !session.wanted && !connect.isPending;
  return (
    <>
      <h1 className="numbers-link-title">{title}</h1>
      {session.status === "connecting" && isLinked(session) ? (
        <Waiting>{t.loggingIn}</Waiting>
      ) : (
        <>
          {connect.error && method === "qr" && <Problem error={connect.error} />}
          {failed && <Failed session={session} onRetry={() => mutate({ method: "qr" })} />}
          {trouble && <Trouble of={trouble} />}
          <Tabs<Method>
            label={t.method}
            selected={method}
            onSelect={choose}
            tabs={[
              {
                id: "qr",
                label: t.byQr,
                icon: "qr",
                content: failed ? null : <ByQr session={session} onCode={() => choose("code")} />,
              },
              {
                id: "code",
                label: t.byCode,
                icon: "key",
                content: <ByCode session={session} ask={connect} />,
              },
            ]}
          />
        </>
      )}
    </>
  );
}

/**
 * Why there is no code although Prosa keeps trying; null while there is one. While it tries once more, what the last try
 * ended with stands: else it would come and go with every try.
 */
function useTrouble(session: Session): Session | null {
  const [last, setLast] = useState<Session | null>(null);
  const { status, status_reason, wanted } = session;
  const now = status === "closed" && wanted && status_reason !== null && status_reason !== "not_linked";
  const next = now ? session : status === "connecting" && wanted ? last : null;
  useEffect(() => setLast(next), [next]);
  return next;
}

function Trouble({ of }: { of: Session }) {
  const t = useStrings(words);
  const known = of.status_reason ? t.reasons[of.status_reason] : undefined;
  const reported = reportedBy(of);
  return (
    <div role="alert" className="numbers-failed">
      <Notice tone="warn" title={known?.[0] ?? t.failedTitle}>
        {known?.[1]}
        {reported && <span className="field-hint numbers-detail">{t.reported(reported)}</span>}
      </Notice>
    </div>
  );
}

function needsAsking(session: Session): boolean {
  if (session.status === "logged_out" || !session.wanted) return session.status !== "open";
  return false;
}

function Waiting({ children }: { children: ReactNode }) {
  return (
    <div className="numbers-waiting" role="status">
      <Spinner size={28} />
      <p>{children}</p>
    </div>
  );
}

function Failed({ session, onRetry }: { session: Session; onRetry: () => void }) {
  const t = useStrings(words);
  const router = useRouter();
  const known = session.status_reason ? t.reasons[session.status_reason] : undefined;
  if (
    !session.status_reason ||
    session.status_reason === "stopped" ||
    session.status_reason === "not_linked"
  ) {
    return (
      <Button kind="primary" icon="qr" onPress={onRetry}>
        {t.connect}
      </Button>
    );
  }
  return (
    <div role="alert" className="numbers-failed">
      <Notice
        tone="bad"
        title={known?.[0] ?? t.failedTitle}
        actions={
          <>
            <Button size="s" kind="quiet" onPress={() => void router.navigate({ to: "/numbers" })}>
              {t.giveUp}
            </Button>
            <Button size="s" kind="primary" onPress={onRetry}>
              {t.tryAgain}
            </Button>
          </>
        }
      >
        {known?.[1] ?? session.status_detail}
      </Notice>
    </div>
  );
}

function Problem({ error }: { error: unknown }) {
  const { title, remedy } = useProblemText(error);
  return (
    <div role="alert" className="numbers-failed">
      <Notice tone="bad" title={title}>
        {remedy}
      </Notice>
    </div>
  );
}
