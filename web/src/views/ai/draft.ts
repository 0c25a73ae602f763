/**
 * Changes to a number's settings that are not saved yet. They outlive the view: whoever looks something up in another
 * one, or at another number, finds them again. Only what was changed is kept and sent, so that changes made elsewhere
 * meanwhile stay.
 */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { type ApiProblem, asProblem } from "~/api/problem";
import type { Session, SessionSettings } from "~/api/types";
import { createStore, useStore } from "~/app/store";
import { signIn } from "~/auth/sign-in";
import { changeSession, sessionCalls } from "~/data/sessions";
import { accepts } from "./settings";

/** Values by their paths, such as `turns.most_tries`. */
export type Changes = Readonly<Record<string, unknown>>;

const NONE: Changes = {};
const drafts = createStore<Readonly<Record<string, Changes>>>({});

signIn.state.subscribe(() => {
  const { kind } = signIn.state.get();
  if (kind === "signed-out" || kind === "first-start") drafts.set({});
});

addEventListener("beforeunload", (event) => {
  if (Object.values(drafts.get()).some((changes) => Object.keys(changes).length > 0)) event.preventDefault();
});

export function valueAt(settings: SessionSettings, path: string): unknown {
  let value: unknown = settings;
  for (const name of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[name];
  return value ?? null;
}

export function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Changes as the API takes them: groups with the fields that change. */
export function asPatch(changes: Changes): SessionSettings {
  const patch: Record<string, Record<string, unknown> | unknown> = {};
  for (const [path, value] of Object.entries(changes)) {
    const [group = "", field] = path.split(".");
    patch[group] = field ? { ...(patch[group] as object | undefined), [field]: value } : value;
  }
  return patch as SessionSettings;
}

function put(sessionId: string, change: (changes: Changes) => Changes): void {
  const all = drafts.get();
  drafts.set({ ...all, [sessionId]: change(all[sessionId] ?? NONE) });
}

export interface Draft {
  session: Session;
  changes: Changes;
  get: (path: string) => unknown;
  set: (path: string, value: unknown) => void;
  /** What the API said of a field of the last save. */
  error: (path: string) => string | undefined;
  problem: ApiProblem | null;
  isPending: boolean;
  /** Where the first fault is, if the values cannot be saved as they are. */
  save: (told: { onSaved: () => void; onFault: (path: string | null) => void }) => void;
  discard: () => void;
}

export function useDraftOf(session: Session): Draft {
  const id = session.session_id;
  const client = useQueryClient();
  const changes = useStore(drafts)[id] ?? NONE;
  const mutation = useMutation({
    mutationFn: (sent: Changes) =>
      changeSession(client, () => sessionCalls.update(id, { settings: asPatch(sent) })),
    onSuccess: (_, sent) => {
      // what was typed meanwhile stays
      put(id, (now) =>
        Object.fromEntries(Object.entries(now).filter(([path, value]) => sent[path] !== value)),
      );
    },
  });
  const problem = mutation.error ? asProblem(mutation.error) : null;
  return {
    session,
    changes,
    get: (path) => (path in changes ? changes[path] : valueAt(session.settings, path)),
    set: (path, value) =>
      put(id, (now) => {
        const { [path]: _before, ...others } = now;
        return same(value, valueAt(session.settings, path)) ? others : { ...others, [path]: value };
      }),
    error: (path) => errorAt(problem, path),
    problem,
    isPending: mutation.isPending,
    save: ({ onSaved, onFault }) => {
      const fault = Object.keys(changes).find((path) => !accepts(path, changes[path]));
      if (fault) {
        onFault(fault);
        return;
      }
      mutation.mutate(changes, {
        onSuccess: onSaved,
        onError: (error) =>
          onFault(Object.keys(changes).find((path) => errorAt(asProblem(error), path)) ?? null),
      });
    },
    discard: () => {
      mutation.reset();
      put(id, () => NONE);
    },
  };
}

function errorAt(problem: ApiProblem | null, path: string): string | undefined {
  return problem?.within(`body.settings.${path}`);
}

export const DraftContext = createContext<Draft | null>(null);

/** The draft of the number that is shown. */
export function useDraft(): Draft {
  const draft = useContext(DraftContext);
  if (!draft) throw new Error("no number is shown");
  return draft;
}
