/** Asking before what cannot be undone. The dialog itself (`confirm-host.tsx`) is loaded at the first question. */
import type { ReactNode } from "react";
import { createStore } from "~/app/store";

export interface Question {
  title: string;
  body: ReactNode;
  /** Names what will happen, not "OK". */
  confirm: string;
  danger?: boolean;
}

export const asked = createStore<{ question: Question; answer: (yes: boolean) => void } | null>(null);

/** `if (await confirm({ … })) remove();` */
export function confirm(question: Question): Promise<boolean> {
  asked.get()?.answer(false);
  return new Promise((resolve) => {
    asked.set({
      question,
      answer: (yes) => {
        asked.set(null);
        resolve(yes);
      },
    });
  });
}
