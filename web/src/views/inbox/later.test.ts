import { describe, expect, it } from "vitest";
import { faultOf, furthest, localMinute } from "./later";

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

  it("is written as the field takes it", () => expect(localMinute(now)).toBe("2026-11-24T09:05"));
});
