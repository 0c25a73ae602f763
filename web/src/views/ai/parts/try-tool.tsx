import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Form } from "react-aria-components/Form";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { Dialog } from "~/ui/dialog";
import { TextArea } from "~/ui/field";
import { Badge } from "~/ui/parts";
import { ErrorState } from "~/ui/states";
import { type Tool, toolCalls, toolCallsQuery } from "../queries";
import { words } from "../tools-strings";
import { readObject } from "./json";

/** Calls a tool as the AI would. */
export default function TryTool({ tool, onClose }: { tool: Tool; onClose: () => void }) {
  const t = useStrings(words);
  const format = useFormat();
  const client = useQueryClient();
  const [text, setText] = useState(() => example(tool));
  const values = readObject(text);
  const call = useMutation({
    mutationFn: (sent: Record<string, unknown>) => toolCalls.try(tool, sent),
    onSuccess: () => client.invalidateQueries(toolCallsQuery(tool.session_id)),
  });
  return (
    <Dialog title={t.tryTitle(tool.name)} isOpen onClose={onClose}>
      <Form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (values) call.mutate(values);
        }}
      >
        <TextArea
          label={t.arguments}
          value={text}
          onChange={setText}
          rows={4}
          spellCheck="false"
          autoFocus
          error={values ? undefined : t.parametersBad}
        />
        <div aria-live="polite" className="stack">
          {call.error && <ErrorState error={call.error} />}
          {call.data && (
            <>
              <p className="row">
                <Badge tone={call.data.ok ? "good" : "bad"}>{call.data.ok ? t.ok : t.failed}</Badge>
                <span className="field-hint">
                  {[call.data.status, t.took(format.number(call.data.latency_ms))]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </p>
              <div>
                <p className="field-label">{t.result}</p>
                <p className="ai-passage">{call.data.result}</p>
              </div>
            </>
          )}
        </div>
        <div className="dialog-footer">
          <Button onPress={onClose}>{t.close}</Button>
          <Button type="submit" kind="primary" isPending={call.isPending}>
            {t.call}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

/** Arguments with the right names, to be filled in. */
function example(tool: Tool): string {
  const properties = (tool.parameters as { properties?: Record<string, { type?: string }> }).properties ?? {};
  const empty = (type?: string) =>
    type === "number" || type === "integer" ? 0 : type === "boolean" ? false : "";
  return JSON.stringify(
    Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, empty(one?.type)])),
    null,
    2,
  );
}
