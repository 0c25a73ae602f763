/**
 * Words of the console. Each folder has its `strings.ts`:
 *
 *     export const words = defineStrings({
 *       en: { title: "Numbers", linked: (name: string) => `${name} is linked` },
 *       "pt-BR": { title: "Números", linked: (name) => `${name} está conectado` },
 *     });
 *     const t = useStrings(words);   // in a component: t.title, t.linked("loja")
 *
 * The compiler refuses a catalogue in which a word lacks in one language.
 */
import { currentLocale, type Locale, useLocale } from "./locale";

export interface Words {
  readonly [key: string]: string | ((...values: never[]) => string) | readonly string[] | Words;
}

/** The same keys and the same parameters, with other texts. */
export type Same<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...values: infer A) => string
      ? (...values: A) => string
      : T[K] extends readonly string[]
        ? readonly string[]
        : Same<T[K]>;
};

export type Strings<T> = { readonly en: Same<T>; readonly "pt-BR": Same<T> };

export function defineStrings<T extends Words>(catalogue: { en: T; "pt-BR": NoInfer<Same<T>> }): Strings<T> {
  return catalogue as unknown as Strings<T>;
}

export function useStrings<T>(strings: Strings<T>): Same<T> {
  return strings[useLocale()];
}

/** For code that is no component; what it returns does not follow a change of language. */
export function stringsNow<T>(strings: Strings<T>): Same<T> {
  return strings[currentLocale()];
}

const rules: Record<Locale, Intl.PluralRules> = {
  en: new Intl.PluralRules("en"),
  "pt-BR": new Intl.PluralRules("pt-BR"),
};

/** `plural.en(2, "message", "messages")`: the word for a number. Portuguese says "0 mensagens" but "1,5 mensagem". */
export const plural = {
  en: (count: number, one: string, other: string) => (rules.en.select(count) === "one" ? one : other),
  "pt-BR": (count: number, one: string, other: string) =>
    count !== 0 && rules["pt-BR"].select(count) === "one" ? one : other,
};
