/** Declares an HTTP service that the AI may call, or changes one. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { ChoiceGroup } from "~/ui/choice";
import { confirmed } from "~/ui/confirmed";
import { TextArea, TextField } from "~/ui/field";
import FormDialog from "~/ui/form-dialog";
import { PasswordField } from "~/ui/password-field";
import { Switch } from "~/ui/switch";
import { toast } from "~/ui/toast";
import { same, useDraft } from "../draft";
import { type Tool, toolCalls, toolsQuery } from "../queries";
import { readNumber } from "../settings";
import { words } from "../tools-strings";
import { readObject } from "./json";

const NOTHING = { type: "object", properties: {} };

export default function ToolDialog({ tool, onClose }: { tool: Tool | null; onClose: () => void }) {
  const t = useStrings(words);
  const client = useQueryClient();
  const id = useDraft().session.session_id;
  const first = {
    name: tool?.name ?? "",
    description: tool?.description ?? "",
    method: (tool?.method ?? "POST") as "GET" | "POST",
    url: tool?.url ?? "",
    parameters: JSON.stringify(tool?.parameters ?? NOTHING, null, 2),
    headerName: tool?.header_name ?? "",
    headerValue: "",
    timeout: String(tool?.timeout_seconds ?? 10),
    enabled: tool?.enabled ?? true,
  };
  const [values, setValues] = useState(first);
  const [sent, setSent] = useState(false);
  const set = (change: Partial<typeof values>) => setValues((before) => ({ ...before, ...change }));
  const parameters = readObject(values.parameters);
  const timeout = readNumber(values.timeout);
  const timeoutGood =
    typeof timeout === "number" && Number.isInteger(timeout) && timeout >= 1 && timeout <= 30;
  const save = useMutation({
    mutationFn: () => {
      const { name, description, method, url, headerName, headerValue, enabled } = values;
      const body = {
        name,
        description,
        method,
        url,
        enabled,
        parameters: parameters ?? NOTHING,
        timeout_seconds: Number(timeout),
        ...(headerName ? { header_name: headerName } : { header_name: null, header_value: null }),
        ...(headerName && headerValue ? { header_value: headerValue } : {}),
      };
      return tool ? toolCalls.update(tool, body) : toolCalls.create(id, body);
    },
    onSuccess: () => {
      void client.invalidateQueries(toolsQuery(id));
      toast.good(t.saved);
      onClose();
    },
  });
  const problem = save.error ? asProblem(save.error) : null;

  const remove = (gone: Tool) =>
    confirmed(
      { title: t.removeTitle(gone.name), body: <p>{t.removeText}</p>, confirm: t.remove, danger: true },
      async () => {
        await toolCalls.remove(gone);
        void client.invalidateQueries(toolsQuery(id));
        onClose();
      },
    );

  return (
    <FormDialog
      title={tool ? t.editTitle(tool.name) : t.newTitle}
      size="l"
      changed={!same(values, first)}
      onClose={onClose}
      onSave={() => {
        setSent(true);
        if (parameters && timeoutGood) save.mutate();
      }}
      save={t.save}
      isPending={save.isPending}
      error={save.error}
      extra={
        tool && (
          <Button kind="quiet" icon="trash" onPress={() => void remove(tool)}>
            {t.remove}
          </Button>
        )
      }
    >
      <TextField
        label={t.name}
        hint={t.nameHint}
        value={values.name}
        onChange={(name) => set({ name })}
        maxLength={64}
        isRequired
        autoFocus
        spellCheck="false"
        error={problem?.field("name") && t.nameHint}
      />
      <TextArea
        label={t.description}
        hint={t.descriptionHint}
        value={values.description}
        onChange={(description) => set({ description })}
        rows={3}
        maxLength={1000}
        isRequired
        error={problem?.field("description")}
      />
      <ChoiceGroup
        label={t.method}
        value={values.method}
        onChange={(method) => set({ method })}
        choices={[
          { id: "GET", label: t.methods.GET },
          { id: "POST", label: t.methods.POST },
        ]}
      />
      <TextField
        label={t.url}
        placeholder="https://"
        value={values.url}
        onChange={(url) => set({ url })}
        inputMode="url"
        maxLength={2000}
        isRequired
        error={problem?.field("url")}
      />
      <TextArea
        label={t.parameters}
        hint={t.parametersHint}
        value={values.parameters}
        onChange={(text) => set({ parameters: text })}
        rows={6}
        spellCheck="false"
        error={sent && !parameters ? t.parametersBad : problem?.field("parameters")}
      />
      <div className="ai-two">
        <TextField
          label={t.headerName}
          hint={t.headerNameHint}
          value={values.headerName}
          onChange={(headerName) => set({ headerName })}
          maxLength={100}
          spellCheck="false"
          error={problem?.field("header_name")}
        />
        <PasswordField
          label={t.headerValue}
          hint={tool?.header_hint ? t.headerKept(tool.header_hint) : t.headerHint}
          value={values.headerValue}
          onChange={(headerValue) => set({ headerValue })}
          isDisabled={!values.headerName}
          maxLength={4000}
          autoComplete="off"
          error={problem?.field("header_value")}
        />
      </div>
      <TextField
        label={t.timeout}
        value={values.timeout}
        onChange={(text) => set({ timeout: text })}
        inputMode="numeric"
        error={timeoutGood ? undefined : t.timeoutBad}
      />
      <Switch isSelected={values.enabled} onChange={(enabled) => set({ enabled })}>
        {t.enabled}
      </Switch>
    </FormDialog>
  );
}
