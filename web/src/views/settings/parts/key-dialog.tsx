/** Sets a provider's key, in place of the one that there may be. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { isManager, useMe } from "~/auth/me";
import { useStrings } from "~/i18n/strings";
import { ChoiceGroup } from "~/ui/choice";
import { TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { PasswordField } from "~/ui/password-field";
import { Select } from "~/ui/select";
import { toast } from "~/ui/toast";
import { keyCalls, keysQuery, type ProviderKey } from "../queries";
import { words } from "../strings";

const OTHER = "";
const GEMINI_KEYS = "https://aistudio.google.com/apikey";

export default function KeyDialog({ of, onClose }: { of: ProviderKey | null; onClose: () => void }) {
  const t = useStrings(words);
  const me = useMe();
  const client = useQueryClient();
  const [provider, setProvider] = useState(of?.provider ?? "google");
  const [other, setOther] = useState("");
  const [key, setKey] = useState("");
  const [baseUrl, setBaseUrl] = useState(of?.base_url ?? "");
  const [scope, setScope] = useState<ProviderKey["scope"]>(of?.scope ?? "own");
  const name = (provider || other).trim();
  const good = /^[a-z][a-z0-9-]{0,39}$/.test(name);
  const put = useMutation({
    mutationFn: () =>
      keyCalls.put(name, { key: key.trim(), scope, base_url: baseUrl.trim() ? baseUrl.trim() : null }),
    onSuccess: () => {
      void client.invalidateQueries(keysQuery);
      void client.invalidateQueries({ queryKey: ["sessions"] }); // whether their AI can answer
      toast.good(t.keySaved);
      onClose();
    },
  });
  const problem = put.error ? asProblem(put.error) : null;
  return (
    <FormDialog
      title={of ? (t.providers[of.provider] ?? of.provider) : t.addKey}
      changed={Boolean(key)}
      onClose={onClose}
      onSave={() => good && put.mutate()}
      save={t.save}
      isPending={put.isPending}
      error={put.error}
    >
      {!of && (
        <Select
          label={t.provider}
          value={provider}
          onChange={setProvider}
          options={[
            ...Object.entries(t.providers).map(([id, label]) => ({ id, label, detail: id })),
            { id: OTHER, label: t.otherProvider },
          ]}
        />
      )}
      {!of && provider === OTHER && (
        <TextField
          label={t.providerName}
          hint={t.providerNameHint}
          value={other}
          onChange={setOther}
          isRequired
          maxLength={40}
          spellCheck="false"
          error={other && !good ? t.providerBad : undefined}
        />
      )}
      <PasswordField
        label={t.key}
        hint={
          <>
            {t.keyFieldHint}{" "}
            {provider === "google" && (
              <a href={GEMINI_KEYS} target="_blank" rel="noreferrer noopener">
                {t.keyFrom("aistudio.google.com")}
              </a>
            )}
          </>
        }
        value={key}
        onChange={setKey}
        isRequired
        autoFocus
        autoComplete="off"
        minLength={4}
        maxLength={1000}
        error={problem?.field("key")}
      />
      <TextField
        label={t.baseUrl}
        hint={t.baseUrlHint}
        placeholder="https://"
        value={baseUrl}
        onChange={setBaseUrl}
        inputMode="url"
        maxLength={500}
        error={problem?.field("base_url")}
      />
      {!of && isManager(me) && (
        <ChoiceGroup
          label={t.scope}
          value={scope}
          onChange={setScope}
          choices={[
            { id: "own", label: t.scopes.own },
            { id: "installation", label: t.scopes.installation },
          ]}
        />
      )}
    </FormDialog>
  );
}
