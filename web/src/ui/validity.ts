/** What the browser finds wrong with a field, in the console's language: its own words are in that of the browser. */
import type { Locale } from "~/i18n/locale";
import { words } from "./strings";

export interface Limits {
  type?: string | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
}

type Found = Partial<
  Pick<ValidityState, "valueMissing" | "typeMismatch" | "tooShort" | "tooLong" | "badInput">
>;

/** Null: the browser's words, or those of the one who checked, are all there is. */
export function validityText(
  found: Found,
  { type, minLength, maxLength }: Limits,
  locale: Locale,
): string | null {
  const t = words[locale].invalid;
  if (found.valueMissing) return t.missing;
  if (found.typeMismatch && type === "email") return t.email;
  if (found.typeMismatch && type === "url") return t.url;
  if (found.tooShort && minLength) return t.short(minLength);
  if (found.tooLong && maxLength) return t.long(maxLength);
  if (found.badInput) return t.unreadable;
  return null;
}
