import { Link, Navigate, useParams, useRouter } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import type { Session } from "~/api/types";
import { Missing } from "~/app/failed";
import { storage } from "~/app/storage";
import { sessionName, useSessions } from "~/data/sessions";
import { formatPhone } from "~/i18n/phone";
import { useStrings } from "~/i18n/strings";
import { Badge, Notice, PageHeader } from "~/ui/parts";
import { Select } from "~/ui/select";
import { Empty, Loaded, Loading } from "~/ui/states";
import { Tabs } from "~/ui/tabs";
import { type Changes, DraftContext, useDraftOf } from "./draft";
import { Instructions } from "./parts/instructions";
import { LeadToFault } from "./parts/lead-to-fault";
import { SaveBar } from "./parts/save-bar";
import { PARTS, type Part } from "./routes";
import { words } from "./strings";
import "./view.css";

const LAST = "prosa.ai.number";
const Behaviour = lazy(() => import("./parts/behaviour"));
const Hours = lazy(() => import("./parts/hours"));
const Budget = lazy(() => import("./parts/budget"));
const Answers = lazy(() => import("./parts/answers"));
const Knowledge = lazy(() => import("./parts/knowledge"));
const Tools = lazy(() => import("./parts/tools"));

/** `/ai`: on to the number that was looked at last, or the first. */
export function AiStart() {
  const t = useStrings(words);
  const sessions = useSessions();
  return (
    <Loaded query={sessions} loading={<Loading fill />}>
      {(all) => {
        const last = storage.getItem(LAST);
        const first = all.find((one) => one.session_id === last) ?? all[0];
        if (first)
          return (
            <Navigate
              to="/ai/$sessionId/$part"
              params={{ sessionId: first.session_id, part: "instructions" }}
              replace
            />
          );
        return (
          <div className="page">
            <PageHeader title={t.title} lead={t.lead} />
            <Empty
              icon="ai"
              title={t.noNumber}
              action={
                <Link to="/numbers/link" className="button button-primary button-m">
                  {t.link}
                </Link>
              }
            >
              <p>{t.noNumberText}</p>
            </Empty>
          </div>
        );
      }}
    </Loaded>
  );
}

export default function AiView() {
  const { sessionId, part } = useParams({ from: "/shell/ai/$sessionId/$part" });
  const sessions = useSessions();
  const selected = PARTS.find((one) => one === part);
  return (
    <Loaded query={sessions} loading={<Loading fill />}>
      {(all) => {
        const session = all.find((one) => one.session_id === sessionId);
        return session && selected ? (
          <NumberAi key={sessionId} session={session} all={all} part={selected} />
        ) : (
          <Missing />
        );
      }}
    </Loaded>
  );
}

function NumberAi({ session, all, part }: { session: Session; all: Session[]; part: Part }) {
  const t = useStrings(words);
  const router = useRouter();
  const draft = useDraftOf(session);
  const id = session.session_id;
  useEffect(() => storage.setItem(LAST, id), [id]);
  /** The part whose fault is to be led to, for as long as nothing is changed; and which try to save this is. */
  const [fault, setFault] = useState<{ part: Part; changes: Changes; tries: number } | null>(null);
  const sought = fault?.changes === draft.changes ? fault : null;
  const show = (sessionId: string, next: Part) =>
    void router.navigate({ to: "/ai/$sessionId/$part", params: { sessionId, part: next }, replace: true });
  return (
    <DraftContext value={draft}>
      <div className="page ai">
        <PageHeader
          title={t.title}
          lead={t.lead}
          actions={
            <>
              <Badge tone={session.ai.state === "on" ? "ai" : "plain"} icon="ai">
                {session.ai.state === "on" ? t.on : t.off}
              </Badge>
              {all.length > 1 && (
                <Select
                  label={t.number}
                  hideLabel
                  className="ai-number-choice"
                  value={id}
                  onChange={(next) => show(next, part)}
                  options={all.map((one) => ({
                    id: one.session_id,
                    label: sessionName(one),
                    ...(one.phone ? { detail: formatPhone(one.phone) } : {}),
                  }))}
                />
              )}
            </>
          }
        />
        {session.ai.reason === "no_api_key" && (
          <div className="ai-notice">
            <Notice
              tone="warn"
              actions={
                <Link
                  to="/settings/$part"
                  params={{ part: "keys" }}
                  className="button button-secondary button-s"
                >
                  {t.setKey}
                </Link>
              }
            >
              {t.noKey}
            </Notice>
          </div>
        )}
        <Tabs<Part>
          label={t.parts}
          selected={part}
          onSelect={(next) => {
            setFault(null);
            show(id, next);
          }}
          tabs={PARTS.map((id) => ({
            id,
            label: t[id],
            content: <Shown part={id}>{sought?.part === id && <LeadToFault key={sought.tries} />}</Shown>,
          }))}
        />
        <SaveBar
          onFault={(at) => {
            setFault((before) => ({ part: at, changes: draft.changes, tries: (before?.tries ?? 0) + 1 }));
            show(id, at); // also to the part that is shown: another may be on its way
          }}
        />
      </div>
    </DraftContext>
  );
}

const CONTENT = {
  instructions: Instructions,
  behaviour: Behaviour,
  hours: Hours,
  budget: Budget,
  answers: Answers,
  knowledge: Knowledge,
  tools: Tools,
} as const;

/** Only what is below the tabs waits for its code; `children` come with it. */
function Shown({ part, children }: { part: Part; children: ReactNode }) {
  const Content = CONTENT[part];
  return (
    <Suspense fallback={<Loading />}>
      <Content />
      {children}
    </Suspense>
  );
}
