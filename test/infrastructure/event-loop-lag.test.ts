import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { watchEventLoop } from "../../src/infrastructure/event-loop-lag.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("a loop that is never held up has lags of zero", () => {
  const { lag, stop } = watchEventLoop();
  jest.advanceTimersByTime(2000);
  stop();
  expect(lag.counts[0]).toBe(4);
  expect(lag.sum).toBe(0);
});

test("nothing is measured after stop", () => {
  const { lag, stop } = watchEventLoop();
  stop();
  jest.advanceTimersByTime(2000);
  expect(lag.counts[0]).toBe(0);
  expect(jest.getTimerCount()).toBe(0);
});
