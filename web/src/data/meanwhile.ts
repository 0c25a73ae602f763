/**
 * What the API answers is as old as the moment it was made. An event that came between the question and its answer may be
 * newer: put over what the event had changed, the answer would turn it back, and no later event might mend it.
 *
 * So events are kept while a question is open, and applied again over its answer. The answer may know some of them, and
 * even newer ones: those are still to come as events, so what is shown ends where the server is.
 */
import type { Query, QueryClient } from "@tanstack/react-query";
import type { ProsaEvent } from "~/api/types";

declare module "@tanstack/react-query" {
  interface Register {
    /** `live`: events change what the query holds. */
    queryMeta: { live?: true };
  }
}

type Apply = (client: QueryClient, event: ProsaEvent) => void;

const isLive = (query: Query) => query.meta?.live === true;

class Meanwhile {
  #client: QueryClient;
  #apply: Apply;
  #kept: { place: number; event: ProsaEvent }[] = [];
  #place = 0;
  #asking = 0;
  #began = new WeakMap<Query, number>();

  constructor(client: QueryClient, apply: Apply) {
    this.#client = client;
    this.#apply = apply;
    client.getQueryCache().subscribe((notice) => {
      if (notice.type !== "updated" || !isLive(notice.query)) return;
      const { query, action } = notice;
      if (action.type === "fetch") this.#began.set(query, this.#place);
      // `manual`: put there by us, not an answer
      else if (action.type === "success" && !action.manual)
        this.#again(this.#began.get(query) ?? this.#place);
    });
  }

  keep(event: ProsaEvent): void {
    if (this.#asking === 0 && this.#client.isFetching({ predicate: isLive }) === 0) this.#kept = [];
    else this.#kept.push({ place: this.#place, event });
    this.#place += 1;
  }

  forget(): void {
    this.#kept = [];
  }

  async ask<T>(question: () => Promise<T>, put: (answer: T) => void): Promise<T> {
    const began = this.#place;
    this.#asking += 1;
    try {
      const answer = await question();
      put(answer);
      this.#again(began);
      return answer;
    } finally {
      this.#asking -= 1;
    }
  }

  #again(from: number): void {
    for (const { place, event } of [...this.#kept]) if (place >= from) this.#apply(this.#client, event);
  }
}

const watched = new WeakMap<QueryClient, Meanwhile>();

/** Watch a client's queries. `apply`: writes an event into the caches once more, and asks for nothing. */
export function watchAnswers(client: QueryClient, apply: Apply): void {
  watched.set(client, new Meanwhile(client, apply));
}

/** Tell of an event; it is kept as long as a question is open. */
export function keepMeanwhile(client: QueryClient, event: ProsaEvent): void {
  watched.get(client)?.keep(event);
}

/** Forget the events: some were missed, and what there is is asked for anew. */
export function forgetMeanwhile(client: QueryClient): void {
  watched.get(client)?.forget();
}

/** Ask the API outside of a query, and put its answer into the caches, under the events that came meanwhile. */
export async function ask<T>(
  client: QueryClient,
  question: () => Promise<T>,
  put: (answer: T) => void,
): Promise<T> {
  const meanwhile = watched.get(client);
  if (meanwhile) return meanwhile.ask(question, put);
  const answer = await question();
  put(answer);
  return answer;
}
