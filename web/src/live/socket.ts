/**
 * The WebSocket of events: signs in, replays what was missed, finds out when it is dead, and comes back.
 *
 * It knows nothing of React or of what events mean: `onEvent` gets each one once and in order, `onReady` is told after
 * each sign-in whether everything that was missed follows; if not, what was read before must be read anew.
 */
import type { ClientFrame, ProsaEvent, ServerFrame } from "~/api/types";
import { createStore } from "~/app/store";

export type LiveState =
  | { kind: "off" }
  | { kind: "connecting" }
  | { kind: "live" }
  /** `retryAt`: when the next try is, in milliseconds since the epoch. */
  | { kind: "waiting"; retryAt: number };

export interface Ready {
  /** It is the first sign-in since the start: what happened before is not told. */
  first: boolean;
  /** Everything that was missed since the last one follows. */
  complete: boolean;
}

export interface LiveOptions {
  url: string;
  token: (options: { refused?: string }) => Promise<string>;
  onReady: (ready: Ready) => void;
  onEvent: (event: ProsaEvent) => void;
  connect?: (url: string) => WebSocket;
  random?: () => number;
}

const FIRST_WAIT = 500;
/** Short: who restarts Prosa looks at the page, and an installation has few pages. */
const LONGEST_WAIT = 5_000;
/** So long without a frame, and the other side is asked whether it still lives (milliseconds). */
const PING_AFTER = 25_000;
/** So long without an answer to that, and the connection is given up. */
const PONG_WITHIN = 10_000;
/** Close codes of Prosa: src/prosa/events/websocket.py. */
const NOT_AUTHENTICATED = 4401;
const BAD_FRAME = 4400;

export class LiveSocket {
  readonly state = createStore<LiveState>({ kind: "off" });
  #options: LiveOptions;
  #socket: WebSocket | null = null;
  #token = "";
  #refused: string | null = null;
  #last: string | null = null;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #wanted = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#tries = 0;
    void this.#open();
  }

  /** Disconnect and forget what was seen: the next start is another person's, perhaps. */
  stop(): void {
    this.#wanted = false;
    this.#last = null;
    this.#refused = null;
    clearTimeout(this.#timer);
    this.#drop();
    this.state.set({ kind: "off" });
  }

  /** Do not wait for the next try; or, where it seems to be live, find out now whether it is. */
  retryNow(): void {
    if (!this.#wanted) return;
    if (this.state.get().kind === "waiting") {
      clearTimeout(this.#timer);
      void this.#open();
    } else if (this.state.get().kind === "live") {
      this.#ping();
    }
  }

  /** Say that a person has the conversations before them: their numbers show as online for the next 90 s. */
  watching(): void {
    if (this.state.get().kind === "live") this.#send({ type: "watching" });
  }

  /** Show the server a new access token before the old one ends. */
  renew(token: string): void {
    if (token === this.#token || this.state.get().kind !== "live") return;
    this.#token = token;
    this.#send({ type: "auth", token });
  }

  async #open(): Promise<void> {
    this.#drop();
    this.state.set({ kind: "connecting" });
    try {
      this.#token = await this.#options.token(this.#refused === null ? {} : { refused: this.#refused });
    } catch {
      if (this.#wanted) this.#later();
      return;
    }
    if (!this.#wanted || this.state.get().kind !== "connecting") return;
    const socket = (this.#options.connect ?? ((url) => new WebSocket(url)))(this.#options.url);
    this.#socket = socket;
    const current = (handle: (event: MessageEvent | CloseEvent | Event) => void) => (event: Event) => {
      if (this.#socket === socket) handle(event);
    };
    socket.addEventListener(
      "open",
      current(() => {
        this.#send({
          type: "auth",
          token: this.#token,
          ...(this.#last === null ? {} : { last_event_id: this.#last }),
        });
        this.#alive();
      }),
    );
    socket.addEventListener(
      "message",
      current((event) => this.#take((event as MessageEvent<string>).data)),
    );
    socket.addEventListener(
      "close",
      current((event) => this.#closed((event as CloseEvent).code)),
    );
    this.#watch = setTimeout(() => this.#closed(0), PONG_WITHIN);
  }

  #take(data: string): void {
    this.#alive();
    const frame = JSON.parse(data) as ServerFrame;
    if (frame.event === "pong") return;
    if (frame.event === "ready") {
      const first = this.#last === null;
      // where a replay follows, its own ids lead on from the last one seen
      if (first || !frame.complete || frame.replayed === 0) this.#last = frame.last_event_id;
      this.#tries = 0;
      this.#refused = null;
      this.state.set({ kind: "live" });
      this.#options.onReady({ first, complete: frame.complete });
      return;
    }
    this.#last = frame.id;
    this.#options.onEvent(frame);
  }

  #closed(code: number): void {
    this.#drop();
    if (!this.#wanted) return;
    if (code === NOT_AUTHENTICATED) this.#refused = this.#token;
    if (code === BAD_FRAME) this.#last = null;
    this.#later();
  }

  #later(): void {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#tries, 10));
    this.#tries += 1;
    const delay = wait * (0.5 + 0.5 * (this.#options.random ?? Math.random)());
    this.state.set({ kind: "waiting", retryAt: Date.now() + delay });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), delay);
  }

  #alive(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#ping(), PING_AFTER);
  }

  #ping(): void {
    this.#send({ type: "ping" });
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#closed(0), PONG_WITHIN);
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #drop(): void {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
