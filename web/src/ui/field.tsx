/** Fields: a label above, a hint and an error below, and room for neither kept where there is none. */
import type { ReactNode } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { SearchField as AriaSearchField } from "react-aria-components/SearchField";
import { Text } from "react-aria-components/Text";
import { TextArea as AriaTextArea } from "react-aria-components/TextArea";
import {
  TextField as AriaTextField,
  type TextFieldProps as AriaTextFieldProps,
} from "react-aria-components/TextField";
import { useLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { Icon } from "./icon";
import { words } from "./strings";
import { type Limits, validityText } from "./validity";

export interface FieldText {
  /** Empty only where the field has an `aria-label`. */
  label: string;
  hint?: ReactNode;
  /** What is wrong with what was typed; also what the API said of the field. */
  error?: string | undefined;
}

export interface TextFieldProps
  extends Omit<AriaTextFieldProps, "className" | "style" | "children">,
    FieldText {
  placeholder?: string;
  /** Of a date or a time. */
  min?: string;
  max?: string;
  prefix?: ReactNode;
  suffix?: ReactNode;
}

function Below({
  hint,
  error,
  limits,
}: {
  hint?: ReactNode;
  error?: string | undefined;
  /** What the browser checks the field against. */
  limits: Limits;
}) {
  const locale = useLocale();
  return (
    <>
      {hint && !error && (
        <Text slot="description" className="field-hint">
          {hint}
        </Text>
      )}
      <FieldError className="field-error">
        {({ validationDetails, validationErrors }) =>
          error ?? validityText(validationDetails, limits, locale) ?? validationErrors.join(" ")
        }
      </FieldError>
    </>
  );
}

/** An error that we found, not the browser, must not keep the form from being sent again. */
function invalid(error: string | undefined) {
  return error === undefined ? {} : ({ isInvalid: true, validationBehavior: "aria" } as const);
}

export function TextField({
  label,
  hint,
  error,
  placeholder,
  min,
  max,
  prefix,
  suffix,
  ...rest
}: TextFieldProps) {
  const given = Object.fromEntries(Object.entries({ placeholder, min, max }).filter(([, value]) => value));
  return (
    <AriaTextField {...rest} {...invalid(error)} className="field">
      {label && <Label className="field-label">{label}</Label>}
      <div className="field-box">
        {prefix && <span className="field-affix">{prefix}</span>}
        <Input className="field-input" {...given} />
        {suffix}
      </div>
      <Below hint={hint} error={error} limits={rest} />
    </AriaTextField>
  );
}

export interface TextAreaProps
  extends Omit<AriaTextFieldProps, "className" | "style" | "children">,
    FieldText {
  placeholder?: string;
  rows?: number;
}

export function TextArea({ label, hint, error, placeholder, rows = 4, ...rest }: TextAreaProps) {
  return (
    <AriaTextField {...rest} {...invalid(error)} className="field">
      <Label className="field-label">{label}</Label>
      <AriaTextArea className="field-area" rows={rows} {...(placeholder ? { placeholder } : {})} />
      <Below hint={hint} error={error} limits={rest} />
    </AriaTextField>
  );
}

export function SearchField({
  label,
  placeholder,
  ...rest
}: {
  label: string;
  placeholder?: string;
  value?: string;
  onChange?: (value: string) => void;
  onSubmit?: (value: string) => void;
}) {
  const t = useStrings(words);
  return (
    <AriaSearchField {...rest} aria-label={label} className="field search-field">
      <div className="field-box">
        <Icon name="search" size={18} />
        <Input className="field-input" placeholder={placeholder ?? label} />
        <AriaButton className="icon-button icon-button-s button-quiet search-clear" aria-label={t.clear}>
          <Icon name="close" size={16} />
        </AriaButton>
      </div>
    </AriaSearchField>
  );
}
