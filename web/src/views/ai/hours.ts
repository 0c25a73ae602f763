/** Business hours between the API's intervals ("09:00-24:00") and two time fields, which know no 24:00. */
export const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type Day = (typeof DAYS)[number];
export type Week = Record<Day, string[]>;

export function readInterval(interval: string): [string, string] {
  const [from = "", to = ""] = interval.split("-");
  return [from, to === "24:00" ? "00:00" : to];
}

export function writeInterval(from: string, to: string): string {
  return `${from}-${to === "00:00" ? "24:00" : to}`;
}

/** Whether the API would take it: two times that differ. */
export function isInterval(interval: string): boolean {
  return /^\d\d:\d\d-\d\d:\d\d$/.test(interval) && interval.slice(0, 5) !== interval.slice(6);
}

/** What comes after the last interval of a day, to begin with. */
export function nextInterval(intervals: readonly string[]): string {
  const last = intervals.at(-1);
  if (!last) return "09:00-18:00";
  const end = Number.parseInt(last.slice(6, 8), 10);
  if (!Number.isFinite(end) || end >= 22) return "00:00-01:00";
  const two = (hour: number) => `${String(hour).padStart(2, "0")}:00`;
  return `${two(end + 1)}-${two(Math.min(24, Math.max(end + 2, 18)))}`;
}

export function usualWeek(): Week {
  const open = (day: Day) => (day === "saturday" || day === "sunday" ? [] : ["09:00-18:00"]);
  return Object.fromEntries(DAYS.map((day) => [day, open(day)])) as Week;
}

/** All time zones of the browser, and one that the number may have. */
export function timeZones(also: string): string[] {
  return [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone"), also])].sort();
}

export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
