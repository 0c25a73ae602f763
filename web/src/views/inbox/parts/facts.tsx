/** How an answer of the AI came about: which tier, from what, with which tools, and what it cost. */
import type { Message } from "~/api/types";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Dialog } from "~/ui/dialog";
import { words } from "../strings";

export default function AiFacts({ ai, onClose }: { ai: NonNullable<Message["ai"]>; onClose: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const rows: [string, string][] = [[t.tier, t.tiers[ai.tier as keyof typeof t.tiers] ?? ai.tier]];
  if (ai.model) rows.push([t.model, ai.model]);
  if (ai.input_tokens) {
    rows.push([t.tokensIn, t.tokensOf(format.number(ai.input_tokens), format.number(ai.cached_tokens ?? 0))]);
    rows.push([t.tokensOut, format.number(ai.output_tokens ?? 0)]);
  }
  rows.push([t.cost, ai.cost_microusd == null ? t.costUnknown : format.cost(ai.cost_microusd)]);
  if (ai.latency_ms) rows.push([t.took, t.seconds(format.number(Math.round(ai.latency_ms / 100) / 10))]);
  return (
    <Dialog title={t.why} isOpen onClose={onClose} size="s">
      <dl className="inbox-facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {(ai.sources?.length ?? 0) > 0 && (
        <>
          <h3>{t.sources}</h3>
          <ul className="inbox-sources">
            {ai.sources?.map((source) => (
              <li key={`${source.id}${source.place}`}>
                {source.title}
                {source.place ? ` · ${source.place}` : ""}
              </li>
            ))}
          </ul>
        </>
      )}
      {(ai.tools?.length ?? 0) > 0 && (
        <>
          <h3>{t.tools}</h3>
          <ul className="inbox-sources">
            {ai.tools?.map((tool, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the same tool may be used twice
              <li key={place}>
                {tool.name} — {tool.ok ? t.toolOk : t.toolFailed}
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
