/** The time, for what counts down: renders anew each second while `active`. */
import { useEffect, useState } from "react";

export function useNow(active: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!active) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return now;
}

/** Seconds until a moment, at least 0; null where there is none. */
export function useSecondsUntil(moment: string | null | undefined): number | null {
  const now = useNow(Boolean(moment));
  return moment ? Math.max(0, (new Date(moment).getTime() - now) / 1000) : null;
}
