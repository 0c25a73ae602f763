import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { toast } from "~/ui/toast";
import { type Budget, budgetQuery, putBudget } from "../queries";
import { words } from "../strings";

/** Null where nothing is typed, NaN where it is no number. */
function read(text: string): number | null {
  return text.trim() === "" ? null : Number(text.trim().replace(",", "."));
}

export default function BudgetDialog({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const t = useStrings(words);
  const locale = useLocale();
  const client = useQueryClient();
  const write = (value: number | null | undefined) =>
    value?.toLocaleString(locale, { useGrouping: false, maximumFractionDigits: 12 }) ?? "";
  const first = {
    usd: write(budget.usd),
    tokens: write(budget.tokens),
    alert: write(Number(((budget.alert_share ?? 0.8) * 100).toPrecision(12))),
  };
  const [values, setValues] = useState(first);
  const usd = read(values.usd);
  const tokens = read(values.tokens);
  const alert = read(values.alert);
  const usdBad = usd !== null && !(usd > 0);
  const tokensBad = tokens !== null && !(tokens > 0 && Number.isInteger(tokens));
  const alertBad = alert === null || !(alert >= 1 && alert <= 100);
  const save = useMutation({
    mutationFn: () => putBudget({ usd, tokens, alert_share: (alert ?? 80) / 100 }),
    onSuccess: (saved) => {
      client.setQueryData(budgetQuery.queryKey, saved);
      toast.good(t.budgetSaved);
      onClose();
    },
  });
  const problem = save.error ? asProblem(save.error) : null;
  return (
    <FormDialog
      title={t.setBudget}
      changed={JSON.stringify(values) !== JSON.stringify(first)}
      onClose={onClose}
      onSave={() => !(usdBad || tokensBad || alertBad) && save.mutate()}
      save={t.save}
      isPending={save.isPending}
      error={save.error}
    >
      <p className="field-hint">{t.budgetLead}</p>
      <TextField
        label={t.budgetUsd}
        hint={t.noLimit}
        prefix="US$"
        inputMode="decimal"
        autoFocus
        value={values.usd}
        onChange={(next) => setValues({ ...values, usd: next })}
        error={usdBad ? t.numberBad : problem?.field("usd")}
      />
      <TextField
        label={t.budgetTokens}
        hint={t.noLimit}
        inputMode="numeric"
        value={values.tokens}
        onChange={(next) => setValues({ ...values, tokens: next })}
        error={tokensBad ? t.numberBad : problem?.field("tokens")}
      />
      <TextField
        label={t.alertAt}
        hint={t.alertHint}
        suffix={<span className="usage-unit">%</span>}
        inputMode="decimal"
        value={values.alert}
        onChange={(next) => setValues({ ...values, alert: next })}
        error={alertBad ? t.percentBad : problem?.field("alert_share")}
      />
    </FormDialog>
  );
}
