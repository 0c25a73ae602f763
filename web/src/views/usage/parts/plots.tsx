import { useFormat } from "~/i18n/format";
import { useLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { daysOf, type Report, type Total } from "../queries";
import { words } from "../strings";
import { Bars } from "./bars";

const TIERS = ["model", "approved", "exact", "fallback"] as const;

export default function Plots({ report, days }: { report: Report; days: number }) {
  const t = useStrings(words);
  const format = useFormat();
  const locale = useLocale();
  const all = daysOf(days, Date.now());
  const found = new Map(report.items.map((item) => [item.day, item]));
  const values = (pick: (total: Total) => number) =>
    all.map((day) => {
      const total = found.get(day);
      return total ? pick(total) : 0;
    });
  const short = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
  const sayDay = (day: string) => (day ? short.format(new Date(`${day}T00:00:00Z`)) : "");
  return (
    <div className="usage-plots">
      <Bars
        title={t.costByDay}
        days={all}
        say={format.cost}
        sayDay={sayDay}
        series={[{ name: t.cost, tone: "leaf", values: values((one) => one.cost_microusd) }]}
      />
      <Bars
        title={t.tokensByDay}
        days={all}
        say={format.compact}
        sayDay={sayDay}
        series={[
          { name: t.fresh, tone: "leaf", values: values((one) => one.input_tokens - one.cached_tokens) },
          { name: t.fromCache, tone: "info", values: values((one) => one.cached_tokens) },
          { name: t.written, tone: "clay", values: values((one) => one.output_tokens) },
        ]}
      />
      <Tiers answers={report.answers} />
    </div>
  );
}

function Tiers({ answers }: { answers: Report["answers"] }) {
  const t = useStrings(words);
  const format = useFormat();
  const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  return (
    <section className="card usage-plot" aria-label={t.answersBy}>
      <h2>{t.answersBy}</h2>
      <ul className="usage-tiers">
        {TIERS.map((tier) => {
          const count = answers[tier] ?? 0;
          return (
            <li key={tier}>
              <span>{t.tiers[tier]}</span>
              <span className="usage-track" aria-hidden="true">
                <span
                  className={`usage-fill ${tier === "model" ? "usage-clay" : "usage-leaf"}`}
                  style={{ inlineSize: `${(100 * count) / total}%` }}
                />
              </span>
              <span className="usage-count">
                {format.number(count)} · {format.percent(count / total)}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
