/** Headers of one's own: those that are kept are named only, until they are replaced. */
import { useRef } from "react";
import { useFormat } from "~/i18n/format";
import { useStrings } from "~/i18n/strings";
import { Button } from "~/ui/button";
import { TextField } from "~/ui/field";
import { IconButton } from "~/ui/icon-button";
import { PasswordField } from "~/ui/password-field";
import { words } from "../webhook-strings";

const MOST = 10;

export interface Header {
  key: number;
  name: string;
  value: string;
}

/** What the API takes. */
export function asObject(headers: readonly Header[]): Record<string, string> {
  return Object.fromEntries(headers.map((one) => [one.name.trim(), one.value.trim()]));
}

export function WebhookHeaders({
  kept,
  onReplace,
  headers,
  onChange,
  error,
}: {
  /** Names of those that stay as they are. */
  kept: readonly string[];
  onReplace: () => void;
  headers: readonly Header[];
  onChange: (headers: Header[]) => void;
  error: string | undefined;
}) {
  const t = useStrings(words);
  const format = useFormat();
  const nextKey = useRef(0);
  const set = (key: number, change: Partial<Header>) =>
    onChange(headers.map((one) => (one.key === key ? { ...one, ...change } : one)));
  return (
    <fieldset className="stack settings-webhook-headers">
      <legend className="field-label">{t.headers}</legend>
      <span className="field-hint">
        {t.headersHint} {kept.length > 0 && t.headersKept(format.list(kept))}
      </span>
      {headers.map((one) => (
        <div key={one.key} className="settings-webhook-header">
          <TextField
            label={t.headerName}
            value={one.name}
            onChange={(name) => set(one.key, { name })}
            maxLength={100}
            isRequired
            spellCheck="false"
          />
          <PasswordField
            label={t.headerValue}
            value={one.value}
            onChange={(value) => set(one.key, { value })}
            maxLength={4000}
            isRequired
            autoComplete="off"
          />
          <IconButton
            icon="trash"
            label={t.removeHeader(one.name)}
            onPress={() => onChange(headers.filter((other) => other.key !== one.key))}
          />
        </div>
      ))}
      {error && (
        <span className="field-error" role="alert">
          {error}
        </span>
      )}
      <div className="row">
        {kept.length > 0 ? (
          <Button size="s" icon="edit" onPress={onReplace}>
            {t.replaceHeaders}
          </Button>
        ) : (
          headers.length < MOST && (
            <Button
              size="s"
              icon="plus"
              onPress={() => onChange([...headers, { key: nextKey.current++, name: "", value: "" }])}
            >
              {t.addHeader}
            </Button>
          )
        )}
      </div>
    </fieldset>
  );
}
