/**
 * Keeps what a person reads where it is, whatever comes or goes above and below it.
 *
 * The scroller is laid out from its end (column-reverse): at its end it stays there by itself, and messages put above
 * move nothing. What comes or goes below, and files that take their place late, do; so the bubble in the middle of the
 * screen is remembered, and put back before the browser paints. It is looked for right before the page changes: one that
 * got shorter may have been scrolled by the browser to where it still is, by the time one looks afterwards.
 */
import {
  Component,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
} from "react";

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
): { keep: () => void; before: ReactNode } {
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

  /** `scrolled`: how far (px) the person has scrolled since it was looked for. */
  const settle = useCallback(
    (scrolled: (was: Kept, box: Element) => number) => {
      const [box, was] = [scroller.current, kept.current];
      if (box && was?.element.isConnected) {
        const off = was.element.getBoundingClientRect().top - (was.top - scrolled(was, box));
        if (Math.abs(off) >= 1) box.scrollTop += off;
      }
      keep();
    },
    [scroller, keep],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shown`: what changes the page
  useLayoutEffect(() => {
    settle(() => 0);
    isComplete.current = complete;
  }, [settle, shown, complete]);

  useEffect(() => {
    const content = log.current;
    if (!content) return;
    const watch = new ResizeObserver(() => settle((was, box) => box.scrollTop - was.scrollTop));
    watch.observe(content);
    return () => watch.disconnect();
  }, [log, settle]);

  return { keep, before: <BeforeChange shown={shown} keep={keep} /> };
}

/** Looks at the page before React changes it, which only a class can. */
class BeforeChange extends Component<{ shown: unknown; keep: () => void }> {
  override getSnapshotBeforeUpdate(before: Readonly<{ shown: unknown }>): null {
    if (before.shown !== this.props.shown) this.props.keep();
    return null;
  }

  override componentDidUpdate(): void {
    // React wants it beside the above
  }

  override render(): ReactNode {
    return null;
  }
}

/**
 * The bubble at half the height of the scroller; bubbles stand in order, so it is searched by halves. A day's heading will
 * not do: it goes where older messages of that day come.
 */
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
  for (let one: Element | null = all[from] ?? null; one; one = one.nextElementSibling) {
    if (one.tagName === "ARTICLE") return one;
  }
  return all[from] ?? null;
}
