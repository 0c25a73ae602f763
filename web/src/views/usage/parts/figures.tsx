import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import type { Report } from "../queries";
import { words } from "../strings";

/** What the period came to. */
export function Figures({ report }: { report: Report }) {
  const t = useStrings(words);
  const format = useFormat();
  const answers = Object.values(report.answers).reduce((sum, count) => sum + count, 0);
  const free = (report.answers.approved ?? 0) + (report.answers.exact ?? 0);
  const full = report.input_tokens + report.saved_tokens;
  const seconds = (milliseconds: number) => format.number(Math.round(milliseconds / 100) / 10);
  return (
    <dl className="usage-figures">
      <Figure
        name={t.cost}
        value={format.cost(report.cost_microusd)}
        hint={report.unpriced_calls ? t.unpriced(report.unpriced_calls) : t.byList}
      />
      <Figure
        name={t.answers}
        value={format.number(answers)}
        hint={answers ? t.free(format.percent(free / answers)) : t.notYet}
      />
      <Figure
        name={t.tokens}
        value={format.compact(report.input_tokens + report.output_tokens)}
        hint={t.cached(format.percent(report.input_tokens ? report.cached_tokens / report.input_tokens : 0))}
      />
      <Figure
        name={t.saved}
        value={format.percent(full ? report.saved_tokens / full : 0)}
        hint={t.savedHint(format.compact(report.saved_tokens))}
      />
      <Figure
        name={t.time}
        value={typeof report.reply_p50_ms === "number" ? t.seconds(seconds(report.reply_p50_ms)) : "–"}
        hint={typeof report.reply_p95_ms === "number" ? t.slow(seconds(report.reply_p95_ms)) : t.notYet}
      />
    </dl>
  );
}

function Figure({ name, value, hint }: { name: string; value: string; hint: string }) {
  return (
    <div className="card usage-figure">
      <dt>{name}</dt>
      <dd>
        <span className="usage-figure-value">{value}</span>
        <span className="field-hint">{hint}</span>
      </dd>
    </div>
  );
}
