/**
 * Keeps what a person reads where it is, whatever comes or goes above and below it.
 *
 * The scroller is laid out from its end (column-reverse): at its end it stays there by itself, and messages put above
 * move nothing. What comes or goes below, and files that take their place late, do; so the bubble in the middle of the
 * screen is remembered, and put back before the browser paints.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from "react";

/** So close to the end (px), new messages push the older ones up. */
const AT_END = 24;

interface Kept {
  element: Element;
  top: number;
  scrollTop: number;
}

export function useSteady(
  scroller: RefObject<HTMLElement | null>,
  log: RefObject<HTMLElement | null>,
  /** Whether the end of what is shown is the end of the conversation. */
  complete: boolean,
  /** Changes with what is shown. */
  shown: unknown,
): { keep: () => void } {
  const kept = useRef<Kept | null>(null);
  const isComplete = useRef(complete);

  const keep = useCallback(() => {
    const box = scroller.current;
    const found = box && log.current && middle(box, log.current);
    kept.current =
      !box || !found || (isComplete.current && box.scrollTop > -AT_END)
        ? null
        : { element: found, top: found.getBoundingClientRect().top, scrollTop: box.scrollTop };
  }, [scroller, log]);

  const settle = useCallback(() => {
    const [box, was] = [scroller.current, kept.current];
    if (box && was?.element.isConnected) {
      const wanted = was.top - (box.scrollTop - was.scrollTop);
      const off = was.element.getBoundingClientRect().top - wanted;
      if (Math.abs(off) >= 1) box.scrollTop += off;
    }
    keep();
  }, [scroller, keep]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shown`: what changes the page
  useLayoutEffect(() => {
    settle();
    isComplete.current = complete;
  }, [settle, shown, complete]);

  useEffect(() => {
    const content = log.current;
    if (!content) return;
    const watch = new ResizeObserver(settle);
    watch.observe(content);
    return () => watch.disconnect();
  }, [log, settle]);

  return { keep };
}

/** The bubble at half the height of the scroller; bubbles stand in order, so it is searched by halves. */
function middle(box: Element, log: Element): Element | null {
  const { top, height } = box.getBoundingClientRect();
  const line = top + height / 2;
  const all = log.children;
  let [from, to] = [0, all.length - 1];
  while (from < to) {
    const half = (from + to) >> 1;
    if ((all[half] as Element).getBoundingClientRect().bottom < line) from = half + 1;
    else to = half;
  }
  return all[from] ?? null;
}
