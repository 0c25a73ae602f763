import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiProblem } from "~/api/problem";
import { asked } from "./confirm";
import { confirmed } from "./confirmed";
import { toast } from "./toast";

const question = { title: "Remove Ana?", body: "", confirm: "Remove" };
const answer = (yes: boolean) => asked.get()?.answer(yes);

beforeEach(() => {
  vi.spyOn(toast, "good").mockImplementation(() => {});
  vi.spyOn(toast, "problem").mockImplementation(() => {});
});
afterEach(() => void vi.restoreAllMocks());

it("does nothing without a yes", async () => {
  const work = vi.fn();
  const done = confirmed(question, work, "Removed");
  expect(asked.get()?.question).toBe(question);
  answer(false);
  expect(await done).toBe(false);
  expect(work).not.toHaveBeenCalled();
  expect(toast.good).not.toHaveBeenCalled();
});

it("does it, then says so", async () => {
  const done = confirmed(question, async () => expect(toast.good).not.toHaveBeenCalled(), "Removed");
  answer(true);
  expect(await done).toBe(true);
  expect(toast.good).toHaveBeenCalledWith("Removed");
});

it("tells what it failed with", async () => {
  const error = ApiProblem.offline();
  const done = confirmed(question, () => Promise.reject(error), "Removed");
  answer(true);
  expect(await done).toBe(false);
  expect(toast.problem).toHaveBeenCalledWith(error);
  expect(toast.good).not.toHaveBeenCalled();
});
