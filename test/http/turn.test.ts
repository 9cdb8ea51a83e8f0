import { expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { nextTurn } from "../../src/http/turn.ts";

test("items of one turn are handed over together, in order, on the next", async () => {
  const flushed: number[][] = [];
  const add = nextTurn<number>((items) => void flushed.push(items));
  add(1);
  add(2);
  expect(flushed).toEqual([]);
  await setImmediate();
  expect(flushed).toEqual([[1, 2]]);
});

test("an item added while others are handed over comes on the turn after", async () => {
  const flushed: number[][] = [];
  const add = nextTurn<number>((items) => {
    flushed.push(items);
    if (items[0] === 1) add(2);
  });
  add(1);
  await setImmediate();
  expect(flushed).toEqual([[1]]);
  await setImmediate();
  expect(flushed).toEqual([[1], [2]]);
});
