/** The number's tools, and the log of their calls. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Badge, Section } from "~/ui/parts";
import { Empty, Loaded } from "~/ui/states";
import { useDraft } from "../draft";
import { type Tool, toolCallsQuery, toolsQuery } from "../queries";
import { words } from "../tools-strings";
import { More } from "./more";

const ToolDialog = lazy(() => import("./tool-dialog"));
const TryTool = lazy(() => import("./try-tool"));

export default function Tools() {
  const t = useStrings(words);
  const id = useDraft().session.session_id;
  const [open, setOpen] = useState<Tool | "new" | null>(null);
  const [tried, setTried] = useState<Tool | null>(null);
  const query = useQuery(toolsQuery(id));
  const add = (
    <Button kind="primary" icon="plus" onPress={() => setOpen("new")}>
      {t.add}
    </Button>
  );
  return (
    <div className="stack">
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="link" title={t.emptyTitle} action={add}>
              <p>{t.lead}</p>
              <p>{t.emptyText}</p>
            </Empty>
          ) : (
            <Section title={t.tools} lead={t.lead} actions={add}>
              <ul className="card ai-list" aria-label={t.tools}>
                {all.map((tool) => (
                  <li key={tool.id} className="ai-document" aria-label={tool.name}>
                    <span className="ai-document-text">
                      <code className="ai-list-title">{tool.name}</code>
                      <span className="ai-list-text">{tool.description}</span>
                      <span className="field-hint ai-address">
                        {tool.method} {tool.url}
                      </span>
                    </span>
                    {!tool.enabled && <Badge tone="warn">{t.off}</Badge>}
                    <span className="row">
                      <Button size="s" onPress={() => setTried(tool)}>
                        {t.try}
                      </Button>
                      <Button size="s" icon="edit" onPress={() => setOpen(tool)}>
                        {t.edit}
                      </Button>
                    </span>
                  </li>
                ))}
              </ul>
            </Section>
          )
        }
      </Loaded>
      {query.data && <Calls />}
      <Suspense>
        {open && <ToolDialog tool={open === "new" ? null : open} onClose={() => setOpen(null)} />}
        {tried && <TryTool tool={tried} onClose={() => setTried(null)} />}
      </Suspense>
    </div>
  );
}

function Calls() {
  const t = useStrings(words);
  const format = useFormat();
  const query = useInfiniteQuery(toolCallsQuery(useDraft().session.session_id));
  return (
    <Section title={t.log} lead={t.logLead}>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <p className="field-hint">{t.noCalls}</p>
          ) : (
            <ul className="card ai-list" aria-label={t.log}>
              {all.map((call) => (
                <li key={call.id}>
                  <details className="ai-call">
                    <summary>
                      <code className="ai-list-title">{call.name}</code>
                      <Badge tone={call.ok ? "good" : "bad"}>{call.ok ? t.ok : t.failed}</Badge>
                      <span className="field-hint">
                        {[
                          format.dateTime(call.created_at),
                          t.took(format.number(call.latency_ms)),
                          call.conversation_id === null && t.tried,
                        ]
                          .filter(Boolean)
                          .join(" · ")}
                      </span>
                    </summary>
                    <pre>{JSON.stringify(call.arguments, null, 2)}</pre>
                    <pre>{call.result}</pre>
                  </details>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <More query={query}>{t.more}</More>
    </Section>
  );
}
