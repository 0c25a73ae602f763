/** Dates, times, numbers and money as the person's language writes them. Formatters are made once each: making one costs. */
import { type Locale, useLocale } from "./locale";

function once<T>(make: (locale: Locale) => T): (locale: Locale) => T {
  const made = new Map<Locale, T>();
  return (locale) => {
    let value = made.get(locale);
    if (value === undefined) {
      value = make(locale);
      made.set(locale, value);
    }
    return value;
  };
}

const time = once((l) => new Intl.DateTimeFormat(l, { timeStyle: "short" }));
const day = once((l) => new Intl.DateTimeFormat(l, { weekday: "long", day: "numeric", month: "long" }));
const dayOfYear = once((l) => new Intl.DateTimeFormat(l, { day: "numeric", month: "long", year: "numeric" }));
const weekday = once((l) => new Intl.DateTimeFormat(l, { weekday: "long" }));
const shortDate = once((l) => new Intl.DateTimeFormat(l, { dateStyle: "short" }));
const dateTime = once((l) => new Intl.DateTimeFormat(l, { dateStyle: "medium", timeStyle: "short" }));
const relative = once((l) => new Intl.RelativeTimeFormat(l, { numeric: "auto" }));
const number = once((l) => new Intl.NumberFormat(l));
const compact = once((l) => new Intl.NumberFormat(l, { notation: "compact", maximumFractionDigits: 1 }));
const percent = once((l) => new Intl.NumberFormat(l, { style: "percent", maximumFractionDigits: 1 }));
const list = once((l) => new Intl.ListFormat(l, { type: "conjunction" }));

type When = string | number | Date;

/** Whole days between two moments on the calendar, in the person's time zone. */
function daysBetween(earlier: Date, later: Date): number {
  const start = new Date(earlier.getFullYear(), earlier.getMonth(), earlier.getDate());
  const end = new Date(later.getFullYear(), later.getMonth(), later.getDate());
  return Math.round((end.getTime() - start.getTime()) / 86_400_000);
}

export interface Format {
  time: (when: When) => string;
  dateTime: (when: When) => string;
  /** Of a separator between days: today, yesterday, Monday, 3 May 2026. */
  day: (when: When, now?: Date) => string;
  /** Of a list of conversations: 14:05, yesterday, Monday, 03/05/2026. */
  listTime: (when: When, now?: Date) => string;
  /** 5 minutes ago, in 3 hours. */
  relative: (when: When, now?: Date) => string;
  /** 4:59 */
  countdown: (seconds: number) => string;
  number: (value: number) => string;
  compact: (value: number) => string;
  percent: (share: number) => string;
  /** From millionths of a US dollar, as the API counts. */
  cost: (microusd: number) => string;
  bytes: (count: number) => string;
  list: (items: Iterable<string>) => string;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function formatFor(locale: Locale): Format {
  const byDay = (when: When, now: Date, today: (date: Date) => string, old: (date: Date) => string) => {
    const date = new Date(when);
    const days = daysBetween(date, now);
    if (days === 0) return today(date);
    if (days === 1) return capital(relative(locale).format(-1, "day"));
    if (days > 1 && days < 7) return capital(weekday(locale).format(date));
    return old(date);
  };
  return {
    time: (when) => time(locale).format(new Date(when)),
    dateTime: (when) => dateTime(locale).format(new Date(when)),
    day: (when, now = new Date()) =>
      byDay(
        when,
        now,
        () => capital(relative(locale).format(0, "day")),
        (date) => (date.getFullYear() === now.getFullYear() ? day(locale) : dayOfYear(locale)).format(date),
      ),
    listTime: (when, now = new Date()) =>
      byDay(
        when,
        now,
        (date) => time(locale).format(date),
        (date) => shortDate(locale).format(date),
      ),
    relative: (when, now = new Date()) => {
      const seconds = (new Date(when).getTime() - now.getTime()) / 1000;
      for (const [unit, length] of STEPS) {
        if (Math.abs(seconds) >= length) return relative(locale).format(Math.trunc(seconds / length), unit);
      }
      return relative(locale).format(0, "second");
    },
    countdown: (seconds) => {
      const left = Math.max(0, Math.ceil(seconds));
      return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    },
    number: (value) => number(locale).format(value),
    compact: (value) => compact(locale).format(value),
    percent: (share) => percent(locale).format(share),
    cost: (microusd) => money(locale, microusd / 1e6),
    bytes: (count) => bytes(locale, count),
    list: (items) => list(locale).format(items),
  };
}

const formats = once(formatFor);

export function useFormat(): Format {
  return formats(useLocale());
}

function money(locale: Locale, usd: number): string {
  const small = usd !== 0 && Math.abs(usd) < 1;
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency: "USD",
    ...(small ? { maximumSignificantDigits: 2 } : {}),
  }).format(usd);
}

function bytes(locale: Locale, count: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = count < 1 ? 0 : Math.min(3, Math.floor(Math.log(count) / Math.log(1024)));
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: step === 0 ? 0 : 1,
  }).format(count / 1024 ** step);
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
