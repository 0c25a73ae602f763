import { describe, expect, it } from "vitest";
import type { SessionSettings } from "~/api/types";
import { isInterval, nextInterval, readInterval, usualWeek, writeInterval } from "./hours";
import { accepts, partOf, readLines, readNumber } from "./settings";

describe("settings as they are typed", () => {
  it.each([
    ["1,5", 1.5],
    ["0.25", 0.25],
    ["1,", 1],
    ["", null],
    ["abc", "abc"],
  ])("%j is %j", (text, value) => {
    expect(readNumber(text)).toBe(value);
  });

  it.each([
    ["turns.most_tries", 20, true],
    ["turns.most_tries", 21, false],
    ["turns.most_tries", 1.5, false],
    ["turns.most_tries", null, false],
    ["turns.most_tries", "abc", false],
    ["turns.catch_up_minutes", null, true],
    ["sending.jitter", 0.2, true],
    ["hours.weekly", usualWeek(), true],
    ["hours.weekly", { ...usualWeek(), monday: ["09:00-09:00"] }, false],
    ["hours.weekly", { ...usualWeek(), monday: ["-18:00"] }, false],
  ])("%s: %j is accepted: %s", (path, value, accepted) => {
    expect(accepts(path, value)).toBe(accepted);
  });

  it("reads lines, and knows where a setting is", () => {
    expect(readLines(" #stop \n\natendente\n")).toEqual(["#stop", "atendente"]);
    expect(
      ["instructions", "model", "debounce_seconds", "hours.weekly", "frequent.mode"].map(partOf),
    ).toEqual(["instructions", "instructions", "behaviour", "hours", "answers"]);
  });
});

describe("business hours", () => {
  it("go between the API's intervals and clocks that know no 24:00", () => {
    expect(readInterval("18:00-24:00")).toEqual(["18:00", "00:00"]);
    expect(writeInterval("00:00", "00:00")).toBe("00:00-24:00");
    expect(isInterval("22:00-02:00")).toBe(true);
  });

  it.each([
    [[], "09:00-18:00"],
    [["09:00-12:00"], "13:00-18:00"],
    [["09:00-20:00"], "21:00-22:00"],
    [["09:00-24:00"], "00:00-01:00"],
  ])("after %j comes %s", (before, next) => {
    expect(nextInterval(before)).toBe(next);
  });
});

describe("a draft", () => {
  it("becomes what the API merges, and is compared with what is stored", async () => {
    globalThis.addEventListener ??= () => {};
    const { asPatch, same, valueAt } = await import("./draft");
    const settings = { model: null, turns: { most_tries: 5 } } as SessionSettings;
    expect(asPatch({ model: "m", "turns.most_tries": 2, "turns.failure_message": null })).toEqual({
      model: "m",
      turns: { most_tries: 2, failure_message: null },
    });
    expect(valueAt(settings, "turns.most_tries")).toBe(5);
    expect(valueAt(settings, "turns.failure_message")).toBeNull();
    expect(same(["a"], ["a"])).toBe(true);
  });
});
