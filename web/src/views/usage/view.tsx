import { useMutation, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { sessionName, useSessions } from "~/data/sessions";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { ChoiceGroup } from "~/ui/choice";
import { Menu } from "~/ui/menu";
import { PageHeader } from "~/ui/parts";
import { saveFile } from "~/ui/save-file";
import { Select } from "~/ui/select";
import { Empty, Loaded, Skeleton } from "~/ui/states";
import { toast } from "~/ui/toast";
import { BudgetCard } from "./parts/budget";
import { Figures } from "./parts/figures";
import { type Messages, messagesQuery, type Report, type Span, usageCsv, usageQuery } from "./queries";
import { words } from "./strings";
import "./view.css";

const Plots = lazy(() => import("./parts/plots"));
const Tables = lazy(() => import("./parts/tables"));
const PERIODS = ["7", "30", "90"] as const;
const ALL = "";

export default function UsageView() {
  const t = useStrings(words);
  const sessions = useSessions();
  const [days, setDays] = useState<(typeof PERIODS)[number]>("30");
  const [session, setSession] = useState(ALL);
  const span: Span = { days: Number(days), session: session || null };
  const usage = useQuery(usageQuery(span, "day"));
  const messages = useQuery(messagesQuery(span, "day"));
  const file = useMutation({
    mutationFn: (what: "calls" | "messages") => usageCsv(span, what),
    onSuccess: (blob, what) => saveFile(blob, `${what === "calls" ? "usage" : "messages"}-${days}-days.csv`),
    onError: toast.problem,
  });
  return (
    <div className="page usage">
      <PageHeader
        title={t.title}
        lead={t.lead}
        actions={
          <Menu
            label={t.export}
            actions={[
              { id: "calls", label: t.exportCalls, icon: "chart", onAction: () => file.mutate("calls") },
              {
                id: "messages",
                label: t.exportMessages,
                icon: "inbox",
                onAction: () => file.mutate("messages"),
              },
            ]}
          >
            <Button icon="download" isPending={file.isPending}>
              {t.export}
            </Button>
          </Menu>
        }
      />
      <div className="usage-choices">
        <ChoiceGroup
          short
          label={t.period}
          value={days}
          onChange={setDays}
          choices={PERIODS.map((one) => ({ id: one, label: t.days(Number(one)) }))}
        />
        {(sessions.data?.length ?? 0) > 1 && (
          <Select
            label={t.number}
            className="usage-number"
            value={session}
            onChange={setSession}
            options={[
              { id: ALL, label: t.all },
              ...(sessions.data ?? []).map((one) => ({ id: one.session_id, label: sessionName(one) })),
            ]}
          />
        )}
      </div>
      <Loaded query={usage} loading={<Waiting />}>
        {(report) => (
          <Loaded query={messages} loading={<Waiting />}>
            {(counts) =>
              isEmpty(report, counts) ? (
                <>
                  <Empty icon="chart" title={t.emptyTitle}>
                    <p>{t.emptyText}</p>
                  </Empty>
                  <BudgetCard />
                </>
              ) : (
                <>
                  <Figures report={report} messages={counts} />
                  <BudgetCard />
                  <Suspense fallback={<Skeleton height="32rem" />}>
                    <Plots report={report} messages={counts} days={span.days} />
                    <Tables span={span} />
                  </Suspense>
                </>
              )
            }
          </Loaded>
        )}
      </Loaded>
    </div>
  );
}

function isEmpty(report: Report, messages: Messages): boolean {
  return report.calls === 0 && messages.items.length === 0;
}

/** As high as what comes, so that nothing jumps. */
function Waiting() {
  return (
    <>
      <div className="usage-figures" aria-hidden="true">
        {[1, 2, 3, 4, 5, 6].map((place) => (
          <div key={place} className="card usage-figure">
            <Skeleton width="60%" />
            <Skeleton width="80%" height="1.8rem" />
            <Skeleton width="70%" />
          </div>
        ))}
      </div>
      <Skeleton height="5.5rem" />
    </>
  );
}
