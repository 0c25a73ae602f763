/** The person's language: what they chose, else the browser's; Portuguese or English. */
import { useSyncExternalStore } from "react";
import { storage } from "~/app/storage";
import { createStore } from "~/app/store";

export const LOCALES = ["en", "pt-BR"] as const;
export type Locale = (typeof LOCALES)[number];

const KEY = "prosa.language";

export function preferred(languages: readonly string[]): Locale {
  for (const language of languages) {
    const tongue = language.toLowerCase();
    if (tongue.startsWith("pt")) return "pt-BR";
    if (tongue.startsWith("en")) return "en";
  }
  return "en";
}

function stored(): Locale | null {
  const value = storage.getItem(KEY);
  return LOCALES.find((locale) => locale === value) ?? null;
}

const chosen = createStore<Locale | null>(stored());
chosen.subscribe(() => {
  document.documentElement.lang = currentLocale();
});

export function currentLocale(): Locale {
  return chosen.get() ?? preferred(navigator.languages);
}

/** Choose a language on this device; null follows the browser again. */
export function chooseLocale(locale: Locale | null): void {
  if (locale === null) storage.removeItem(KEY);
  else storage.setItem(KEY, locale);
  chosen.set(locale);
}

export function useLocale(): Locale {
  return useSyncExternalStore(chosen.subscribe, currentLocale);
}

export function useChosenLocale(): Locale | null {
  return useSyncExternalStore(chosen.subscribe, chosen.get);
}
