import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { watchEventLoop } from "../../src/infrastructure/event-loop-lag.ts";
import { waitUntil } from "../helpers/wait.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("a loop that is never held up has lags of zero", () => {
  const { lag, stop } = watchEventLoop();
  jest.advanceTimersByTime(2000);
  stop();
  expect(lag.counts[0]).toBe(4);
  expect(lag.sum).toBe(0);
});

test("a loop that is held up is late by as long", async () => {
  jest.useRealTimers();
  const { lag, stop } = watchEventLoop();
  const begin = performance.now();
  while (performance.now() - begin < 800); // 300 ms beyond the timer's next turn
  await waitUntil(
    () => lag.sum > 0 || undefined,
    5000,
    () => new Error("no lag was measured"),
  );
  stop();
  expect(lag.sum).toBeGreaterThan(0.29);
});

test("nothing is measured after stop", () => {
  const { lag, stop } = watchEventLoop();
  stop();
  jest.advanceTimersByTime(2000);
  expect(lag.counts[0]).toBe(0);
  expect(jest.getTimerCount()).toBe(0);
});
