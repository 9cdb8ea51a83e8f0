import { expect, test } from "bun:test";
import { backoff, MAX_BACKOFF_MS } from "../../src/domain/retry.ts";

test.each([
  [1, 0],
  [2, 100],
  [3, 200],
  [4, 400],
  [5, 800],
  [6, 1600],
  [7, 3200],
  [8, 5000],
  [9, 5000],
  [1001, 5000],
])("with 100 ms to begin with, attempt %d comes after %d ms", (attempt, ms) => {
  expect(backoff(attempt, 100)).toBe(ms);
});

test("the first wait is what was asked for, and no wait is above the cap", () => {
  expect([2, 3, 4].map((attempt) => backoff(attempt, 1))).toEqual([1, 2, 4]);
  expect(backoff(2, MAX_BACKOFF_MS)).toBe(MAX_BACKOFF_MS);
  expect([2, 3, 4].map((attempt) => backoff(attempt, 100, 250))).toEqual([100, 200, 250]);
});
