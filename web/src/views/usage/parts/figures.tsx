import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import type { Messages, Report } from "../queries";
import { words } from "../strings";

/** What the period came to. */
export function Figures({ report, messages }: { report: Report; messages: Messages }) {
  const t = useStrings(words);
  const format = useFormat();
  const duration = useDuration();
  const sum = (pick: (one: Messages["items"][number]) => number) =>
    messages.items.reduce((total, one) => total + pick(one), 0);
  const received = sum((one) => one.received);
  const sent = sum((one) => one.sent_ai + one.sent_person + one.sent_phone + one.sent_automatic);
  const answers = Object.values(report.answers).reduce((total, count) => total + count, 0);
  const free = (report.answers.approved ?? 0) + (report.answers.exact ?? 0);
  const full = report.input_tokens + report.saved_tokens;
  const { wait_ai: ai, wait_people: people } = messages;
  return (
    <dl className="usage-figures">
      <Figure
        name={t.messages}
        value={format.compact(received + sent)}
        hint={t.inOut(format.compact(received), format.compact(sent), [received, sent])}
      />
      <Figure
        name={t.answers}
        value={format.number(answers)}
        hint={answers ? t.free(format.percent(free / answers)) : t.notYet}
      />
      <Figure
        name={t.waited}
        value={typeof ai.p50_ms === "number" ? duration(ai.p50_ms) : "–"}
        hint={
          [
            typeof ai.p95_ms === "number" && t.waitedHint(duration(ai.p95_ms)),
            typeof people.p50_ms === "number" && t.peopleWaited(duration(people.p50_ms)),
          ]
            .filter(Boolean)
            .join("; ") || t.notYet
        }
      />
      <Figure
        name={t.cost}
        value={format.cost(report.cost_microusd)}
        hint={report.unpriced_calls ? t.unpriced(report.unpriced_calls) : t.byList}
      />
      <Figure
        name={t.tokens}
        value={format.compact(report.input_tokens + report.output_tokens)}
        hint={t.cached(format.percent(report.input_tokens ? report.cached_tokens / report.input_tokens : 0))}
      />
      <Figure
        name={t.saved}
        value={format.percent(full ? report.saved_tokens / full : 0)}
        hint={t.savedMoney(format.cost(report.saved_microusd), format.compact(report.saved_tokens))}
      />
    </dl>
  );
}

/** A time that somebody waited, in the unit that fits. */
function useDuration(): (milliseconds: number) => string {
  const t = useStrings(words);
  const format = useFormat();
  const one = (value: number) => format.number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
  return (milliseconds) => {
    const seconds = milliseconds / 1000;
    if (seconds < 100) return t.seconds(one(seconds));
    return seconds < 6000 ? t.minutes(one(seconds / 60)) : t.hours(one(seconds / 3600));
  };
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
