/**
 * The client of Prosa's REST API, typed by its OpenAPI document.
 *
 *     const page = await ok(api.GET("/sessions", { params: { query: { limit: 100 } } }));
 *
 * It sends the access token, gets a new one where that has run out, and waits where a person must type the password
 * again; whoever called does not notice. `ok` returns the answer's body or throws an `ApiProblem`.
 */
import createClient from "openapi-fetch";
import { signIn } from "~/auth/sign-in";
import { ApiProblem } from "./problem";
import type { paths } from "./schema";

let beforeReading: () => Promise<void> = async () => {};

/** Have everything that is read wait for something first (`live/first-reads.ts`). */
export function waitBeforeReading(wait: () => Promise<void>): void {
  beforeReading = wait;
}

/** `fetch` that signs in; for files too, which openapi-fetch is not needed for. */
export async function authorizedFetch(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const again = request.clone(); // a body can be sent once
  if (request.method === "GET") await beforeReading();
  const token = await signIn.accessToken();
  const response = await send(request, token);
  if (response.status !== 401) return response;
  return send(again, await signIn.accessToken({ refused: token }));
}

async function send(request: Request, token: string): Promise<Response> {
  request.headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw ApiProblem.offline();
  }
}

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  fetch: authorizedFetch,
});

/** Return the body of an answer. Throws an ApiProblem where it is no success. */
export async function ok<D>(answer: Promise<{ data?: D; error?: unknown; response: Response }>): Promise<D> {
  const { data, error, response } = await answer.catch((failure: unknown) => {
    // what `fetch` throws where the connection ends within an answer
    throw failure instanceof TypeError ? ApiProblem.offline() : failure;
  });
  if (!response.ok) throw ApiProblem.of(response, error);
  return data as D;
}

/** A key that makes a repeated send the same send (header `Idempotency-Key`). Works on plain HTTP too. */
export function idempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
