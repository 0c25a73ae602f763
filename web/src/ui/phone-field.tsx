/** A phone number: the country, whose code stands before what is typed, and the number. */
import { useMemo, useState } from "react";
import { countries, fullNumber, likelyCountry } from "~/i18n/countries";
import { useLocale } from "~/i18n/locale";
import { useStrings } from "~/i18n/strings";
import { type FieldText, TextField } from "./field";
import { Select } from "./select";
import { words } from "./strings";

export interface PhoneFieldProps extends FieldText {
  /** Gets the number with + and country code, "" while nothing is typed. */
  onChange: (phone: string) => void;
  autoComplete?: string;
  autoFocus?: boolean;
}

export function PhoneField({ onChange, autoComplete, ...text }: PhoneFieldProps) {
  const t = useStrings(words);
  const locale = useLocale();
  const [country, setCountry] = useState(() => likelyCountry(navigator.languages));
  const [typed, setTyped] = useState("");
  const all = useMemo(() => countries(locale), [locale]);
  const codeOf = (id: string) => all.find((one) => one.id === id)?.code ?? "55";
  function tell(id: string, value: string) {
    onChange(value.trim() ? fullNumber(codeOf(id), value) : "");
  }
  return (
    <div className="phone-field">
      <Select
        label={t.country}
        search={t.searchCountry}
        value={country}
        onChange={(next) => {
          setCountry(next);
          tell(next, typed);
        }}
        options={all.map((one) => ({
          id: one.id,
          label: one.name,
          detail: `+${one.code}`,
          short: one.name,
        }))}
      />
      <TextField
        {...text}
        type="tel"
        inputMode="tel"
        {...(autoComplete ? { autoComplete } : { autoComplete: "off" })}
        prefix={`+${codeOf(country)}`}
        value={typed}
        onChange={(next) => {
          setTyped(next);
          tell(country, next);
        }}
        isRequired
        maxLength={40}
      />
    </div>
  );
}
