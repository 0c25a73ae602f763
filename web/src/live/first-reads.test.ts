import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FirstReads } from "./first-reads";

let reads: FirstReads;
let done: string[];
const read = (name: string) => void reads.wait().then(() => done.push(name));
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  reads = new FirstReads();
  done = [];
});
afterEach(() => void vi.useRealTimers());

it("holds reads back until the connection stands: nothing has to be read anew", async () => {
  read("a");
  await settle();
  expect(done).toEqual([]);
  expect(reads.any).toBe(false);
  reads.ready();
  await settle();
  read("b");
  await settle();
  expect(done).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(reads.any).toBe(false);
});

it("lets them through where there is no connection, and says so until there is one", async () => {
  read("a");
  reads.letThrough();
  await settle();
  expect(done).toEqual(["a"]);
  expect(reads.any).toBe(true);
  reads.ready();
  reads.letThrough(); // it broke: what was read since the first one is told
  expect(reads.any).toBe(false);
});

it("waits no longer than a second", async () => {
  read("a");
  await vi.advanceTimersByTimeAsync(999);
  expect(done).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(done).toEqual(["a"]);
  expect(reads.any).toBe(true);
});

it("begins anew for another person", async () => {
  reads.ready();
  reads.again();
  read("a");
  await settle();
  expect(done).toEqual([]);
  expect(reads.any).toBe(false);
});
