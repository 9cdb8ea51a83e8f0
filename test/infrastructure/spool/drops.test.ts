import { expect, test } from "bun:test";

import { createDrops } from "../../../src/infrastructure/spool/drops.ts";

/** Drops whose writes are refused while `broken`. */
function start() {
  const state = { broken: false, over: false };
  const written: string[] = [];
  const write = async (key: string) => {
    if (state.broken) throw new Error("the disk is full");
    written.push(key);
  };
  return { drops: createDrops(write, () => state.over, 5), state, written };
}

test("a key is dropped, again and again until that is written", async () => {
  const { drops, state, written } = start();
  state.broken = true;
  drops.drop("k");
  drops.drop("k");
  await Bun.sleep(20);
  expect(written).toEqual([]);
  state.broken = false;
  await Bun.sleep(20);
  expect(written).toEqual(["k"]);
});

test("a key that has another answer meanwhile is not, unless that answer is not written", async () => {
  const { drops, state, written } = start();
  state.broken = true;
  drops.drop("a");
  drops.drop("b");
  await drops.replacing(["a"], async () => {});
  const failed = await drops.replacing(["b"], () => Promise.reject(new Error("full"))).catch(String);
  expect(failed).toContain("full");
  state.broken = false;
  await Bun.sleep(20);
  expect(written).toEqual(["b"]);
});

test("at the end nothing is tried any more", async () => {
  const { drops, state, written } = start();
  state.broken = true;
  drops.drop("k");
  state.over = true;
  state.broken = false;
  await Bun.sleep(20);
  expect(written).toEqual([]);
});
