/** What answers may cost: one, those of a conversation, all of this number's; and what is spent of it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Meter } from "~/ui/meter";
import { Skeleton } from "~/ui/states";
import { useDraft } from "../draft";
import { spentQuery } from "../queries";
import type { SettingPath } from "../settings";
import { words } from "../strings";
import { Setting } from "./setting";

const LIMITS = [
  ["budget.reply_usd", "budget.reply_tokens"],
  ["budget.conversation_usd", "budget.conversation_tokens"],
  ["budget.number_usd", "budget.number_tokens"],
] as const satisfies readonly (readonly SettingPath[])[];

export default function Budget() {
  const t = useStrings(words);
  return (
    <div className="stack ai-budget">
      <p className="section-lead">{t.budgetLead}</p>
      <Spent />
      <div className="card card-body ai-limits">
        {LIMITS.flat().map((path) => (
          <Setting key={path} path={path} />
        ))}
      </div>
      <Setting path="budget.message" />
      <Setting path="budget.alert_share" />
      <p className="field-hint">
        {t.ownBudget} <Link to="/usage">{t.toUsage}</Link>
      </p>
    </div>
  );
}

/** Shows nothing where it cannot be had: the limits can be set all the same. */
function Spent() {
  const t = useStrings(words);
  const format = useFormat();
  const { session } = useDraft();
  const spent = useQuery(spentQuery(session.session_id));
  const limits = session.settings.budget;
  if (spent.isError) return null;
  const tokens = spent.data ? spent.data.input_tokens + spent.data.output_tokens : 0;
  const shares = spent.data
    ? [
        limits?.number_usd ? spent.data.cost_microusd / 1e6 / limits.number_usd : null,
        limits?.number_tokens ? tokens / limits.number_tokens : null,
      ].filter((share) => share !== null)
    : [];
  const share = shares.length ? Math.max(...shares) : null;
  return (
    <div className="card card-body ai-spent">
      <span className="field-label">{t.spentNow}</span>
      {spent.data ? (
        <>
          <strong className="ai-figure-value">{format.cost(spent.data.cost_microusd)}</strong>
          <span className="field-hint">
            {t.tokens(format.compact(tokens))} ·{" "}
            {share === null ? t.noLimit : t.ofBudget(format.percent(share))}
          </span>
          {share !== null && <Meter label={t.spentNow} share={share} alert={limits?.alert_share ?? 0.8} />}
        </>
      ) : (
        <Skeleton width="8rem" height="3.4rem" />
      )}
    </div>
  );
}
