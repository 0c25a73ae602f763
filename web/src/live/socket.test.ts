import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ProsaEvent } from "~/api/types";
import { LiveSocket } from "./socket";

class FakeSocket extends EventTarget {
  readyState = 0;
  sent: { type: string; token?: string; last_event_id?: string }[] = [];
  send = (text: string) => void this.sent.push(JSON.parse(text));
  close = vi.fn();
  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  says(frame: object) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }
  ready(last: string, more: object = {}) {
    this.says({ event: "ready", last_event_id: last, replayed: 0, complete: true, detail: null, ...more });
  }
  ends(code = 1006) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

const event = (id: string) => ({
  id,
  event: "conversation.deleted",
  timestamp: 1,
  session: "shop",
  payload: { id: "c" },
});

describe("LiveSocket", () => {
  let sockets: FakeSocket[];
  let events: ProsaEvent[];
  let ready: (boolean | string)[];
  let tokens: ({ refused?: string } | undefined)[];
  let live: LiveSocket;
  const latest = () => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  };
  const open = async () => {
    await vi.advanceTimersByTimeAsync(0);
    latest().open();
    return latest();
  };

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    events = [];
    ready = [];
    tokens = [];
    live = new LiveSocket({
      url: "ws://prosa.test/ws",
      token: async (options) => {
        tokens.push(options);
        return `t${tokens.length}`;
      },
      onReady: ({ first, complete }) => ready.push(first ? "first" : complete),
      onEvent: (seen) => events.push(seen),
      random: () => 1,
      connect: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
    });
    live.start();
  });

  afterEach(() => {
    live.stop();
    vi.useRealTimers();
  });

  it("signs in, and asks for a fresh start the first time", async () => {
    const socket = await open();
    expect(socket.sent).toEqual([{ type: "auth", token: "t1" }]);
    expect(live.state.get().kind).toBe("connecting");
    socket.ready("5-5");
    expect(live.state.get().kind).toBe("live");
    expect(ready).toEqual(["first"]);
  });

  it("comes back with the last event it saw, which is then complete", async () => {
    (await open()).ready("5-5");
    latest().says(event("6-6"));
    latest().ends();
    expect(live.state.get().kind).toBe("waiting");
    await vi.advanceTimersByTimeAsync(500);
    const socket = await open();
    expect(socket.sent[0]).toEqual({ type: "auth", token: "t2", last_event_id: "6-6" });
    socket.ready("9-9", { replayed: 2 });
    socket.says(event("7-7"));
    socket.ends(); // in the middle of the replay
    await vi.advanceTimersByTimeAsync(500);
    expect((await open()).sent[0]?.last_event_id).toBe("7-7");
    expect(ready).toEqual(["first", true]);
    expect(events.map((seen) => seen.id)).toEqual(["6-6", "7-7"]);
  });

  it("uses the position of the first sign-in where no event came since", async () => {
    (await open()).ready("5-5");
    latest().ends();
    await vi.advanceTimersByTimeAsync(500);
    expect((await open()).sent[0]?.last_event_id).toBe("5-5");
  });

  it("says where too much was missed, and goes on from there", async () => {
    (await open()).ready("5-5");
    latest().ends();
    await vi.advanceTimersByTimeAsync(500);
    (await open()).ready("9000-9000", { complete: false });
    expect(ready).toEqual(["first", false]);
    latest().ends();
    await vi.advanceTimersByTimeAsync(500);
    expect((await open()).sent[0]?.last_event_id).toBe("9000-9000");
  });

  it("waits longer and longer, and not at all when asked to try now", async () => {
    await open();
    const waits = [];
    for (let turn = 0; turn < 7; turn += 1) {
      latest().ends();
      const state = live.state.get();
      const wait = state.kind === "waiting" ? state.retryAt - Date.now() : -1;
      waits.push(wait);
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 5000, 5000, 5000]);
    latest().ends();
    const before = sockets.length;
    live.retryNow();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets).toHaveLength(before + 1);
  });

  it("gets another token where one was refused", async () => {
    (await open()).ends(4401);
    await vi.advanceTimersByTimeAsync(500);
    expect(tokens).toEqual([{}, { refused: "t1" }]);
  });

  it("finds out that the other side is gone", async () => {
    (await open()).ready("5-5");
    await vi.advanceTimersByTimeAsync(25_000);
    expect(latest().sent.at(-1)).toEqual({ type: "ping" });
    latest().says({ event: "pong" });
    await vi.advanceTimersByTimeAsync(25_000);
    expect(live.state.get().kind).toBe("live");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(live.state.get().kind).not.toBe("live");
    expect(sockets[0]?.close).toHaveBeenCalled();
  });

  it("shows new tokens to the server, and forgets everything when stopped", async () => {
    (await open()).ready("5-5");
    live.renew("fresh");
    expect(latest().sent.at(-1)).toEqual({ type: "auth", token: "fresh" });
    live.stop();
    latest().says(event("6-6"));
    expect(events).toEqual([]);
    live.start();
    expect((await open()).sent[0]).toEqual({ type: "auth", token: "t2" });
  });
});
