import { useFormat } from "~/i18n/format";
import { useLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { daysOf, type Messages, type Report } from "../queries";
import { words } from "../strings";
import { Bars, type Series } from "./bars";

const TIERS = ["model", "approved", "exact", "fallback"] as const;
const TONES = { model: "clay", approved: "leaf", exact: "info", fallback: "plain" } as const;

export default function Plots({
  report,
  messages,
  days,
}: {
  report: Report;
  messages: Messages;
  days: number;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const locale = useLocale();
  const all = daysOf(days, Date.now());
  const short = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
  const sayDay = (day: string) => (day ? short.format(new Date(`${day}T00:00:00Z`)) : "");
  const calls = series(all, report.items);
  const counts = series(all, messages.items);
  return (
    <div className="usage-plots">
      <Bars
        title={t.messagesByDay}
        days={all}
        say={format.compact}
        sayDay={sayDay}
        series={[
          counts(t.received, "leaf", (one) => one.received),
          counts(t.byAi, "clay", (one) => one.sent_ai),
          counts(t.byPeople, "info", (one) => one.sent_person + one.sent_phone),
          counts(t.byFixed, "plain", (one) => one.sent_automatic),
        ].filter(({ values }, place) => place < 2 || values.some((value) => value > 0))}
      />
      <Bars
        title={t.answersByDay}
        days={all}
        say={format.compact}
        sayDay={sayDay}
        series={TIERS.map((tier) =>
          counts(t.tiers[tier], TONES[tier], (one) => one.answers[tier] ?? 0),
        ).filter(({ values }, place) => place < 1 || values.some((value) => value > 0))}
      />
      <Bars
        title={t.costByDay}
        days={all}
        say={format.cost}
        sayDay={sayDay}
        series={[calls(t.cost, "leaf", (one) => one.cost_microusd)]}
      />
      <Bars
        title={t.tokensByDay}
        days={all}
        say={format.compact}
        sayDay={sayDay}
        series={[
          calls(t.fresh, "leaf", (one) => one.input_tokens - one.cached_tokens),
          calls(t.fromCache, "info", (one) => one.cached_tokens),
          calls(t.written, "clay", (one) => one.output_tokens),
        ]}
      />
      <Bars
        title={t.savedByDay}
        days={all}
        say={format.compact}
        sayDay={sayDay}
        series={[
          calls(t.sentTokens, "info", (one) => one.input_tokens),
          calls(t.savedTokens, "leaf", (one) => one.saved_tokens),
        ]}
      />
      <Tiers answers={report.answers} />
    </div>
  );
}

/** Makes a series of what each day has; days without anything have zero. */
function series<T extends { day?: string | null }>(days: readonly string[], items: readonly T[]) {
  const found = new Map(items.map((item) => [item.day, item]));
  return (name: string, tone: Series["tone"], pick: (item: T) => number): Series => ({
    name,
    tone,
    values: days.map((day) => {
      const item = found.get(day);
      return item ? pick(item) : 0;
    }),
  });
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
                  className={`usage-fill usage-${TONES[tier]}`}
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
