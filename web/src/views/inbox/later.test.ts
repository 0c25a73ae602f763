import { describe, expect, it } from "vitest";
import { faultOf, furthest, localMinute, offered } from "./later";

const now = new Date(2026, 10, 24, 9, 5, 30);

describe("a time to send a message at", () => {
  it.each([
    ["", "past"],
    ["2026-11-24T09:05", "past"],
    ["2026-11-24T09:06", null],
    [localMinute(furthest(now)), null],
    ["2027-11-27T09:06", "tooFar"],
    ["20261-11-24T09:05", "past"],
  ])("%s: %s", (when, fault) => expect(faultOf(when, now)).toBe(fault));

  it.each([
    ["09:05", "11:00"],
    ["09:00", "10:00"],
    ["22:30", "00:00"],
  ])("is offered at %s as %s", (at, hour) => {
    const local = (day: number, clock: string) => new Date(`2026-11-${day}T${clock}`);
    expect(offered(local(24, at))).toEqual(local(hour === "00:00" ? 25 : 24, hour));
  });

  it("is written as the field takes it", () => expect(localMinute(now)).toBe("2026-11-24T09:05"));
});
