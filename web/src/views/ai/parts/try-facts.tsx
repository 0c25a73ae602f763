/** How a tried answer came about: which tier, from what, with which tools, told what, and what it cost. */
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Badge } from "~/ui/parts";
import type { Tried } from "../queries";
import { words } from "../strings";

export function TriedFacts({ answer }: { answer: Tried }) {
  const t = useStrings(words);
  const format = useFormat();
  const { ai } = answer;
  const asked = answer.prompt.length > 0;
  const tokens = (ai.input_tokens ?? 0) + (ai.output_tokens ?? 0);
  const cached = ai.input_tokens ? (ai.cached_tokens ?? 0) / ai.input_tokens : 0;
  const facts = asked
    ? [
        t.tokens(format.number(tokens)),
        cached > 0 && t.cached(format.percent(cached)),
        typeof ai.cost_microusd === "number" ? format.cost(ai.cost_microusd) : t.unpriced,
        t.seconds(format.number(Math.round((ai.latency_ms ?? 0) / 100) / 10)),
      ]
    : [];
  const hasMore = asked || (ai.sources?.length ?? 0) > 0 || (ai.tools?.length ?? 0) > 0;
  return (
    <div className="ai-tried">
      <p className="row">
        <Badge tone={ai.tier === "model" ? "ai" : "good"}>
          {t.tiers[ai.tier as keyof typeof t.tiers] ?? ai.tier}
        </Badge>
        {answer.handed_over !== null && <Badge tone="warn">{t.handedOver}</Badge>}
        <span className="field-hint">{facts.filter(Boolean).join(" · ")}</span>
      </p>
      {answer.handed_over && <p className="field-hint">{answer.handed_over}</p>}
      {ai.truncated && <p className="field-error">{t.truncated}</p>}
      {hasMore && (
        <details className="ai-how">
          <summary>{t.how}</summary>
          <dl>
            {ai.model && (
              <div>
                <dt>{t.model}</dt>
                <dd>
                  <code>{[ai.provider, ai.model].filter(Boolean).join(":")}</code>
                </dd>
              </div>
            )}
            {(ai.sources?.length ?? 0) > 0 && (
              <div>
                <dt>{t.sources}</dt>
                {ai.sources?.map((source) => (
                  <dd key={`${source.id} ${source.place}`}>
                    {[source.title, source.place].filter(Boolean).join(" · ")}
                  </dd>
                ))}
              </div>
            )}
            {(ai.tools?.length ?? 0) > 0 && (
              <div>
                <dt>{t.calls}</dt>
                {ai.tools?.map((tool, place) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the same tool may be called twice
                  <dd key={place}>
                    <code>{tool.name}</code> {tool.ok ? "" : t.callFailed}{" "}
                    {t.seconds(format.number(Math.round(tool.latency_ms / 100) / 10))}
                  </dd>
                ))}
              </div>
            )}
          </dl>
          {asked && (
            <>
              <p className="field-label">{t.prompt}</p>
              {answer.prompt.map((part, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a prompt's parts never change places
                <details key={place} className="ai-part">
                  <summary>
                    <span>{t.promptParts[part.part as keyof typeof t.promptParts] ?? part.part}</span>
                    <span className="field-hint">{t.tokens(format.number(part.tokens))}</span>
                  </summary>
                  {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
                  <p className="ai-told" tabIndex={0}>
                    {part.text}
                  </p>
                </details>
              ))}
            </>
          )}
        </details>
      )}
    </div>
  );
}
