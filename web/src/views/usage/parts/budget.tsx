/** What may be spent this month over all numbers, and what is. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Meter } from "~/ui/meter";
import { Loaded, Skeleton } from "~/ui/states";
import { type Budget, budgetQuery } from "../queries";
import { words } from "../strings";

const BudgetDialog = lazy(() => import("./budget-dialog"));

export function BudgetCard() {
  const budget = useQuery(budgetQuery);
  return (
    <Loaded query={budget} loading={<Skeleton height="5.5rem" />}>
      {(told) => <Told budget={told} />}
    </Loaded>
  );
}

function Told({ budget }: { budget: Budget }) {
  const t = useStrings(words);
  const format = useFormat();
  const [open, setOpen] = useState(false);
  const money = format.cost(budget.spent_microusd);
  const limited = budget.usd !== null || budget.tokens !== null;
  const share = Math.max(
    budget.usd ? budget.spent_microusd / 1e6 / budget.usd : 0,
    budget.tokens ? budget.spent_tokens / budget.tokens : 0,
  );
  const facts = [
    budget.usd ? t.budgetOf(money, format.cost(budget.usd * 1e6)) : money,
    budget.tokens
      ? t.tokensOf(format.compact(budget.spent_tokens), format.compact(budget.tokens))
      : `${format.compact(budget.spent_tokens)} tokens`,
  ];
  return (
    <section className="card usage-budget" aria-labelledby="usage-budget">
      <div className="usage-budget-text">
        <h2 id="usage-budget">{t.budget}</h2>
        <p>{facts.join(" · ")}</p>
        {!limited && <p className="field-hint">{t.budgetNone}</p>}
        {share >= 1 && <p className="field-error">{t.budgetUsedUp}</p>}
      </div>
      {limited && <span className="usage-budget-share">{format.percent(share)}</span>}
      <Button onPress={() => setOpen(true)}>{limited ? t.changeBudget : t.setBudget}</Button>
      {limited && <Meter label={t.budget} share={share} alert={budget.alert_share ?? 0.8} />}
      <Suspense>{open && <BudgetDialog budget={budget} onClose={() => setOpen(false)} />}</Suspense>
    </section>
  );
}
