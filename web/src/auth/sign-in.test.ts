import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiProblem } from "~/api/problem";
import type { Box } from "~/app/storage";
import { SignIn } from "./sign-in";

const USER = {
  id: "u1",
  email: "bia@example.com",
  name: "Bia",
  role: "owner",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};

function box(): Box {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

/** A Prosa that hands out r1, r2, … and ends the sign-in when one is shown twice. */
function server() {
  const state = { next: 1, valid: "r0", ended: false, refreshes: 0, password: "right" };
  const tokens = () => {
    state.valid = `r${state.next}`;
    const access = `a${state.next}`;
    state.next += 1;
    return {
      access_token: access,
      token_type: "Bearer",
      expires_in: 900,
      refresh_token: state.valid,
      refresh_expires_in: 1,
      user: USER,
    };
  };
  const problem = (code: string) =>
    Response.json({ code, detail: code, title: code, status: 401 }, { status: 401 });
  const answer = vi.fn(async (path: string, init?: RequestInit): Promise<Response> => {
    const body = init?.body ? JSON.parse(String(init.body)) : {};
    await Promise.resolve();
    if (path === "/auth/state") return Response.json({ owner_exists: true });
    if (path === "/auth/login") {
      if (body.password !== state.password) return problem("wrong_credentials");
      state.ended = false;
      return Response.json(tokens());
    }
    if (path === "/auth/refresh") {
      state.refreshes += 1;
      if (state.ended || body.refresh_token !== state.valid) {
        state.ended = true;
        return problem("sign_in_ended");
      }
      return Response.json(tokens());
    }
    return new Response(null, { status: 204 });
  });
  return { state, fetch: answer as unknown as typeof fetch };
}

/** Web Locks between the "tabs" of a test. */
function locks(): LockManager {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_name: string, work: () => Promise<unknown>) => {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  };
  return { request, query: async () => ({}) } as unknown as LockManager;
}

describe("SignIn", () => {
  let prosa: ReturnType<typeof server>;
  let storage: Box;
  let shared: LockManager;
  let now: number;
  const tab = () => new SignIn({ fetch: prosa.fetch, storage, locks: shared, now: () => now });

  beforeEach(() => {
    prosa = server();
    storage = box();
    shared = locks();
    now = 1_000_000;
    vi.stubGlobal("location", { reload: vi.fn() });
  });

  it("asks whether there is an owner where nobody is signed in, and says where Prosa does not answer", async () => {
    const one = tab();
    await one.start();
    expect(one.state.get()).toEqual({ kind: "signed-out", email: null });
    const cut = new SignIn({
      fetch: () => Promise.reject(new TypeError()),
      storage,
      locks: shared,
      now: () => now,
    });
    await cut.start();
    expect(cut.state.get().kind).toBe("unreachable");
  });

  it("refreshes once for many requests, and again when the token is about to end", async () => {
    storage.setItem("prosa.sign-in", JSON.stringify({ refresh_token: "r0", user: USER }));
    const one = tab();
    await Promise.all([one.start(), one.accessToken(), one.accessToken()]);
    expect(await one.accessToken()).toBe("a1");
    expect(prosa.state.refreshes).toBe(1);
    now += 890_000;
    expect(await one.accessToken()).toBe("a2");
    expect(await one.accessToken({ refused: "a2" })).toBe("a3");
  });

  it("never shows a used refresh token, however many tabs refresh at once", async () => {
    storage.setItem("prosa.sign-in", JSON.stringify({ refresh_token: "r0", user: USER }));
    const tabs = Array.from({ length: 5 }, tab);
    await Promise.all(tabs.map((each) => each.accessToken()));
    now += 900_000;
    await Promise.all(tabs.map((each) => each.accessToken()));
    expect(prosa.state.ended).toBe(false);
    expect(prosa.state.refreshes).toBe(10);
  });

  it("lets requests wait for the password where the sign-in ends during work", async () => {
    const one = tab();
    await one.login(USER.email, "right");
    prosa.state.ended = true;
    const waiting = one.accessToken({ refused: "a1" });
    await vi.waitFor(() => expect(one.state.get().kind).toBe("expired"));
    await expect(one.login(USER.email, "wrong")).rejects.toMatchObject({ code: "wrong_credentials" });
    expect(one.state.get().kind).toBe("expired");
    await one.login(USER.email, "right");
    expect(await waiting).toBe("a2");
    expect(one.state.get()).toEqual({ kind: "signed-in", user: USER });
  });

  it("opens the sign-in page where the sign-in had ended before the page was opened", async () => {
    storage.setItem("prosa.sign-in", JSON.stringify({ refresh_token: "old", user: USER }));
    storage.setItem("prosa.email", USER.email);
    const one = tab();
    await one.start();
    expect(one.state.get()).toEqual({ kind: "signed-out", email: USER.email });
  });

  it("keeps the sign-in where Prosa cannot be reached", async () => {
    storage.setItem("prosa.sign-in", JSON.stringify({ refresh_token: "r0", user: USER }));
    const one = new SignIn({
      fetch: () => Promise.reject(new TypeError()),
      storage,
      locks: undefined,
      now: () => now,
    });
    await one.start();
    expect(one.state.get().kind).toBe("signed-in");
    await expect(one.accessToken()).rejects.toMatchObject({ code: "offline" });
    expect(storage.getItem("prosa.sign-in")).not.toBeNull();
  });

  it("follows what other tabs do", async () => {
    const [one, two] = [tab(), tab()];
    await one.login(USER.email, "right");
    await two.start();
    expect(two.state.get().kind).toBe("signed-in");
    await one.logout();
    expect(storage.getItem("prosa.sign-in")).toBeNull();
    two.storageChanged();
    expect(two.state.get().kind).toBe("signed-out");
    await expect(two.accessToken()).rejects.toBeInstanceOf(ApiProblem);
    await one.login(USER.email, "right");
    two.storageChanged();
    expect(two.state.get()).toEqual({ kind: "signed-in", user: USER });
  });

  it("reloads where another person signed in", async () => {
    const one = tab();
    await one.login(USER.email, "right");
    storage.setItem("prosa.sign-in", JSON.stringify({ refresh_token: "x", user: { ...USER, id: "u2" } }));
    one.storageChanged();
    expect(location.reload).toHaveBeenCalledOnce();
  });
});
