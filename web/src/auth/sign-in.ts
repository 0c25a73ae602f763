/**
 * Who is signed in on this device, and the tokens for it.
 *
 * The access token lives in memory, for minutes. The refresh token lives in localStorage: it must outlive the tab and be
 * shared by all tabs, since each one is good for a single use. Script of others cannot read it there, because none can
 * run: the content security policy allows no inline script and no other host, and nothing is ever inserted as HTML. A
 * cookie would spare the storage, but the API takes no cookies, and so needs no defence against forged requests.
 *
 * A refresh happens under a lock that all tabs share (Web Locks; only on HTTPS and loopback), with the token that is
 * stored at that moment. A page that is left gives up the lock while its question may be on the way, and without locks two
 * tabs may ask at once with one token: Prosa gives both the newest token for ten seconds.
 */
import { ApiProblem } from "~/api/problem";
import type { Schemas, User } from "~/api/types";
import { type Box, storage } from "~/app/storage";
import { createStore, type Store } from "~/app/store";

type Tokens = Schemas["TokensOut"];

export type SignInState =
  /** Not known yet. */
  | { kind: "starting" }
  /** Prosa did not say whether there is an owner; `start` asks again. */
  | { kind: "unreachable"; error: ApiProblem }
  /** Nobody has registered: the owner's account is to be made. */
  | { kind: "first-start" }
  /** `email` is the one who was signed in last. */
  | { kind: "signed-out"; email: string | null }
  | { kind: "signed-in"; user: User }
  /** The sign-in ended while the console was open: the password is asked for, over what the person was doing. */
  | { kind: "expired"; user: User };

interface Stored {
  refresh_token: string;
  user: User;
}

const KEY = "prosa.sign-in";
const EMAIL = "prosa.email";
const LOCK = "prosa.refresh";
/** An access token that ends within so many milliseconds is replaced before it is used. */
const MARGIN = 20_000;
const LONGEST = 20_000;

export interface Environment {
  fetch: typeof fetch;
  storage: Box;
  locks: LockManager | undefined;
  now: () => number;
}

export class SignIn {
  readonly state: Store<SignInState> = createStore<SignInState>({ kind: "starting" });
  /** Told each new access token. */
  onToken: (token: string) => void = () => {};
  #access: { token: string; endsAt: number } | null = null;
  #refreshing: Promise<string> | null = null;
  #asked: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | null = null;
  #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Find out whether somebody is signed in; call it once. */
  async start(): Promise<void> {
    const stored = this.#stored();
    if (stored) {
      this.state.set({ kind: "signed-in", user: stored.user });
      try {
        await this.accessToken();
      } catch {
        // offline: the console opens and says so; ended: the state says it
      }
      return;
    }
    try {
      const response = await this.#send("GET", "/auth/state");
      const { owner_exists } = (await response.json()) as Schemas["AuthStateOut"];
      this.state.set(owner_exists ? this.#signedOut() : { kind: "first-start" });
    } catch (error) {
      this.state.set({
        kind: "unreachable",
        error: error instanceof ApiProblem ? error : ApiProblem.offline(),
      });
    }
  }

  async register(body: Schemas["RegisterIn"]): Promise<void> {
    await this.#take(await this.#tokens("/auth/register", body));
  }

  /** Sign in, for the first time or again. */
  async login(email: string, password: string): Promise<void> {
    const before = this.state.get();
    const tokens = await this.#tokens("/auth/login", { email, password });
    await this.#take(tokens);
    if (before.kind === "expired" && before.user.id !== tokens.user.id) globalThis.location.reload();
  }

  /** Sign out here, or on every device. What cannot be told to Prosa now is forgotten here all the same. */
  async logout(options: { everywhere?: boolean } = {}): Promise<void> {
    try {
      if (this.state.get().kind === "signed-in") {
        const token = await this.accessToken();
        await this.#send("POST", "/auth/logout", { everywhere: options.everywhere ?? false }, token);
      }
    } finally {
      this.#forget();
    }
  }

  /** Keep what the API says of the person, after they changed it. */
  update(user: User): void {
    const stored = this.#stored();
    if (stored) this.#environment.storage.setItem(KEY, JSON.stringify({ ...stored, user }));
    if (this.state.get().kind === "signed-in") this.state.set({ kind: "signed-in", user });
  }

  /**
   * Return a valid access token, getting a new one first where needed. Where the sign-in has ended, waits until the
   * person has typed the password again.
   *
   * `refused`: a token that the API did not take, so another one is wanted.
   */
  async accessToken(options: { refused?: string } = {}): Promise<string> {
    for (;;) {
      if (this.#asked) await this.#asked.promise;
      const access = this.#access;
      if (access && access.token !== options.refused && access.endsAt - MARGIN > this.#environment.now())
        return access.token;
      try {
        this.#refreshing ??= this.#locked(() => this.#refresh()).finally(() => {
          this.#refreshing = null;
        });
        return await this.#refreshing;
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
        this.#ended();
        if (!this.#asked) throw error;
      }
    }
  }

  /** Another tab changed what is stored. */
  storageChanged(): void {
    const stored = this.#stored();
    const state = this.state.get();
    if (!stored) {
      if (state.kind === "signed-in" || state.kind === "expired") this.#forget();
    } else if (state.kind === "signed-out" || state.kind === "first-start") {
      this.state.set({ kind: "signed-in", user: stored.user });
    } else if (state.kind === "expired" && state.user.id === stored.user.id) {
      this.#again(stored.user);
    } else if ((state.kind === "signed-in" || state.kind === "expired") && state.user.id !== stored.user.id) {
      globalThis.location.reload(); // somebody else: nothing of the first person may stay on the screen
    }
  }

  async #refresh(): Promise<string> {
    const stored = this.#stored();
    if (!stored) throw new ApiProblem(401, "sign_in_ended");
    const tokens = await this.#tokens("/auth/refresh", { refresh_token: stored.refresh_token });
    this.#keep(tokens);
    return tokens.access_token;
  }

  async #take(tokens: Tokens): Promise<void> {
    await this.#locked(async () => this.#keep(tokens));
    this.#again(tokens.user);
  }

  #again(user: User): void {
    this.state.set({ kind: "signed-in", user });
    this.#asked?.resolve();
    this.#asked = null;
  }

  #keep(tokens: Tokens): void {
    this.#access = { token: tokens.access_token, endsAt: this.#environment.now() + tokens.expires_in * 1000 };
    const stored: Stored = { refresh_token: tokens.refresh_token, user: tokens.user };
    this.#environment.storage.setItem(KEY, JSON.stringify(stored));
    this.#environment.storage.setItem(EMAIL, tokens.user.email);
    this.onToken(tokens.access_token);
    const state = this.state.get();
    if (state.kind === "signed-in" && JSON.stringify(state.user) !== JSON.stringify(tokens.user)) {
      this.state.set({ kind: "signed-in", user: tokens.user });
    }
  }

  /** The sign-in is over. Somebody who was at work is asked for the password; else the sign-in page opens. */
  #ended(): void {
    const state = this.state.get();
    const worked = this.#access !== null;
    this.#access = null;
    if (state.kind === "signed-in" && worked) {
      let settle: { resolve: () => void; reject: (error: Error) => void } | null = null;
      const promise = new Promise<void>((resolve, reject) => {
        settle = { resolve, reject };
      });
      promise.catch(() => {}); // whoever waits sees it; that nobody waits is no fault
      if (settle)
        this.#asked = { promise, ...(settle as { resolve: () => void; reject: (error: Error) => void }) };
      this.state.set({ kind: "expired", user: state.user });
    } else if (state.kind !== "expired") {
      this.#forget();
    }
  }

  #forget(): void {
    this.#access = null;
    this.#environment.storage.removeItem(KEY);
    this.state.set(this.#signedOut());
    this.#asked?.reject(new ApiProblem(401, "sign_in_ended"));
    this.#asked = null;
  }

  #signedOut(): SignInState {
    return { kind: "signed-out", email: this.#environment.storage.getItem(EMAIL) };
  }

  #stored(): Stored | null {
    try {
      const value = JSON.parse(this.#environment.storage.getItem(KEY) ?? "null") as Partial<Stored> | null;
      return typeof value?.refresh_token === "string" && value.user ? (value as Stored) : null;
    } catch {
      return null;
    }
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const { locks } = this.#environment;
    return locks ? await locks.request(LOCK, work) : await work();
  }

  async #tokens(path: string, body: unknown): Promise<Tokens> {
    return (await (await this.#send("POST", path, body)).json()) as Tokens;
  }

  async #send(method: string, path: string, body?: unknown, token?: string): Promise<Response> {
    let response: Response;
    try {
      response = await this.#environment.fetch(path, {
        method,
        headers: {
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(LONGEST), // a lock must not be held for ever
      });
    } catch {
      throw ApiProblem.offline();
    }
    if (response.ok) return response;
    throw ApiProblem.of(response, await response.json().catch(() => null));
  }
}

export const signIn = new SignIn({
  fetch: (...request) => fetch(...request),
  storage,
  locks: globalThis.navigator?.locks,
  now: () => Date.now(),
});
globalThis.addEventListener?.("storage", (event) => {
  if (event.key === KEY || event.key === null) signIn.storageChanged();
});
