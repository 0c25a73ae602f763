/** Makes an API key and shows it, this once; or gives one another name or other numbers. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { ChoiceGroup } from "~/ui/choice";
import { Dialog } from "~/ui/dialog";
import { TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { CopyButton, Notice } from "~/ui/parts";
import { Select } from "~/ui/select";
import { toast } from "~/ui/toast";
import { words } from "../api-key-strings";
import { type ApiKey, apiKeyCalls, apiKeysQuery, type NewApiKey } from "../queries";
import { NumberChoice } from "./number-choice";

const EXPIRIES = ["30", "90", "365", "never"] as const;

export default function ApiKeyDialog({ of, onClose }: { of: ApiKey | null; onClose: () => void }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const [name, setName] = useState(of?.name ?? "");
  const [access, setAccess] = useState<ApiKey["access"]>("full");
  const before = of?.session_ids ?? null;
  const [numbers, setNumbers] = useState(before);
  const renumbered = JSON.stringify(sorted(numbers)) !== JSON.stringify(sorted(before));
  const [sent, setSent] = useState(false);
  const [expiry, setExpiry] = useState<(typeof EXPIRIES)[number]>("365");
  const save = useMutation({
    mutationFn: async (): Promise<NewApiKey | null> => {
      if (of) {
        // numbers that are gone from it are no reason not to rename it
        await apiKeyCalls.change(of.id, {
          name: name.trim(),
          ...(renumbered ? { session_ids: numbers } : {}),
        });
        return null;
      }
      const days = expiry === "never" ? null : Number(expiry);
      return apiKeyCalls.make({ name: name.trim(), access, expires_in_days: days, session_ids: numbers });
    },
    gcTime: 0, // the key is kept nowhere once this is closed
    onSuccess: (made) => {
      void client.invalidateQueries(apiKeysQuery);
      if (made) return;
      toast.good(t.changed);
      onClose();
    },
  });
  const none = numbers?.length === 0 && (!of || renumbered);
  if (save.data) return <Made of={save.data} onClose={onClose} />;
  return (
    <FormDialog
      title={of ? of.name : t.make}
      size="s"
      changed={name.trim() !== (of?.name ?? "") || renumbered}
      onClose={onClose}
      onSave={() => {
        setSent(true);
        if (!none) save.mutate();
      }}
      save={of ? t.save : t.make}
      isPending={save.isPending}
      error={save.error}
    >
      <TextField
        label={t.name}
        hint={t.nameHint}
        placeholder="n8n"
        value={name}
        onChange={setName}
        isRequired
        autoFocus
        maxLength={100}
        autoComplete="off"
        error={save.error ? asProblem(save.error).field("name") : undefined}
      />
      {!of && (
        <>
          <ChoiceGroup
            label={t.access}
            hint={t.accessHints[access]}
            value={access}
            onChange={setAccess}
            short
            choices={[
              { id: "full", label: t.accesses.full },
              { id: "read", label: t.accesses.read },
            ]}
          />
          <Select
            label={t.expiry}
            value={expiry}
            onChange={setExpiry}
            options={EXPIRIES.map((id) => ({ id, label: t.expiries[id] }))}
          />
        </>
      )}
      <NumberChoice
        label={t.numbers}
        choices={t.whichNumbers}
        value={numbers}
        onChange={setNumbers}
        fault={
          (sent && none && t.chooseSome) ||
          (save.error ? asProblem(save.error).within("body.session_ids") : undefined)
        }
      />
      {numbers && <p className="field-hint">{t.someNumbersHint}</p>}
      {of && renumbered && <p className="field-hint">{t.renumberedHint}</p>}
    </FormDialog>
  );
}

const sorted = (ids: string[] | null) => ids && [...ids].sort();

/** Cannot be dismissed by a press beside it: the key would be lost. */
function Made({ of, onClose }: { of: NewApiKey; onClose: () => void }) {
  const t = useStrings(words);
  return (
    <Dialog title={t.newTitle(of.name)} isOpen footer={<Button onPress={onClose}>{t.done}</Button>}>
      <div className="stack">
        <Notice tone="warn" title={t.onceTitle}>
          {t.once}
        </Notice>
        <output className="settings-secret" aria-label={t.key}>
          {of.key}
        </output>
        <div>
          <CopyButton text={of.key} kind="primary" autoFocus>
            {t.copy}
          </CopyButton>
        </div>
        <p className="field-hint">
          {t.how} <code>Authorization: Bearer {of.prefix}…</code> ·{" "}
          <a href="/docs" target="_blank" rel="noreferrer">
            {t.docs}
          </a>
        </p>
      </div>
    </Dialog>
  );
}
