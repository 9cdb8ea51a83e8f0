import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { createWaitingRoom, type Unanswered, type WaitFor } from "../../src/usecase/waiting.ts";

let clock: number;
let waitFor: WaitFor;
beforeEach(() => {
  jest.useFakeTimers();
  clock = 0;
  waitFor = createWaitingRoom(() => clock);
});
afterEach(() => void jest.useRealTimers());

/** Both clocks go on, a millisecond at a time: a timer that fires in between reads the other. */
function pass(ms: number): void {
  for (const end = clock + ms; clock < end;) {
    clock++;
    jest.advanceTimersByTime(1);
  }
}

/** A wait, and how it ended so far. */
function wait(ms: number, signal?: AbortSignal) {
  const ends: Unanswered[] = [];
  const otherwise = (why: Unanswered): string => {
    ends.push(why);
    return why;
  };
  return { ends, ...waitFor<string>(clock, ms, signal && { signal }, otherwise) };
}

test.each([10, 1000])("an answer after %d ms ends the wait, and nothing comes after it", async (ms) => {
  const leaving = new AbortController();
  const { promise, answer, ends } = wait(5000, leaving.signal);
  pass(ms);
  answer("here");
  expect(await promise).toBe("here");
  leaving.abort();
  pass(10_000);
  expect(ends).toEqual([]);
});

test("of a caller who is answered soon not even the signal is read", () => {
  const caller = {
    get signal(): AbortSignal {
      throw new Error("read");
    },
  };
  const others = [wait(5000), wait(5000)];
  const { answer } = waitFor<string>(clock, 1000, caller, String);
  pass(49);
  answer("here");
  expect(() => pass(5000)).not.toThrow();
  expect(others.map(({ ends }) => ends)).toEqual([["late"], ["late"]]);
});

test.each([0, 1, 49, 50, 51, 5000])("a wait of %d ms ends then, and not before", async (ms) => {
  wait(60_000);
  pass(30);
  const { promise, ends } = wait(ms);
  if (ms > 0) pass(ms - 1);
  expect(ends).toEqual([]);
  pass(1);
  expect(ends).toEqual(["late"]);
  expect(await promise).toBe("late");
});

test("a caller who has left before anyone looked is noticed then", async () => {
  const { promise, answer, ends } = wait(60_000, AbortSignal.abort());
  expect(ends).toEqual([]);
  pass(50);
  expect(ends).toEqual(["left"]);
  answer("too late");
  expect(await promise).toBe("left");
  pass(60_000);
  expect(ends).toEqual(["left"]);
});

test("a caller who leaves later is let go at once, and only once", () => {
  const leaving = new AbortController();
  const { ends } = wait(60_000, leaving.signal);
  pass(10_000);
  leaving.abort();
  expect(ends).toEqual(["left"]);
  pass(60_000);
  expect(ends).toEqual(["left"]);
});

test("answers may come in any order", () => {
  const waits = [0, 1, 2, 3, 4].map(() => wait(5000));
  for (const index of [2, 0, 4]) waits[index]!.answer("here");
  pass(10);
  const late = wait(5000);
  waits[3]!.answer("here");
  pass(5000);
  expect(waits.map(({ ends }) => ends.length)).toEqual([0, 1, 0, 0, 0]);
  expect(late.ends).toEqual(["late"]);
});
