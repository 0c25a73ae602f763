/** When a message can be sent later: to come, and no further ahead than the API takes it. */

/** `FURTHEST` of `prosa/outbox/schedule.py`. */
export const FURTHEST_DAYS = 366;

export function furthest(now: Date): Date {
  return new Date(now.getTime() + FURTHEST_DAYS * 86_400_000);
}

/** What is offered first: the next full hour that is at least an hour away. */
export function offered(now: Date): Date {
  const at = new Date(now.getTime() + 2 * 3_600_000 - 1);
  at.setMinutes(0, 0, 0);
  return at;
}

/** A moment as a field for local dates and times has it: `2026-12-24T09:00`. */
export function localMinute(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What is wrong with what such a field holds. */
export function faultOf(when: string, now: Date): "past" | "tooFar" | null {
  const at = new Date(when);
  if (!(at.getTime() > now.getTime())) return "past"; // also where it is no time at all
  return at > furthest(now) ? "tooFar" : null;
}
