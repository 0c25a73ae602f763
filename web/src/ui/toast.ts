/**
 * Short news at the edge of the window. What must be acted on belongs where it happened, not here. What shows them
 * (`toast-host.tsx`) is loaded at the first one.
 */
import { createStore } from "~/app/store";
import { problemText } from "~/i18n/problems";
import type { News } from "./toast-host";

const SHOWN = 6000;

export const toasted = createStore(false);

function add(news: News, timeout = SHOWN): void {
  toasted.set(true);
  void import("./toast-host").then((host) => host.add(news, timeout));
}

export const toast = {
  good: (title: string, detail?: string) => add({ kind: "good", title, detail }),
  info: (title: string, detail?: string) => add({ kind: "info", title, detail }),
  bad: (title: string, detail?: string) => add({ kind: "bad", title, detail }, 2 * SHOWN),
  /** What a request failed with, in the person's language. */
  problem: (error: unknown) => {
    const { title, detail } = problemText(error);
    add({ kind: "bad", title, detail }, 2 * SHOWN);
  },
};
