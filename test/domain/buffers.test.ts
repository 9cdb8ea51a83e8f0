import { expect, test } from "bun:test";
import { freeBytes } from "../../src/domain/buffers.ts";

test("the memory of many bytes is given back at once, and that of others is not touched", () => {
  const large = new Uint8Array(100_000);
  const part = new Uint8Array(200_000).subarray(100_000);
  const small = new Uint8Array(100);
  for (const bytes of [large, part, small]) freeBytes(bytes);
  expect([large, part, small].map(({ length }) => length)).toEqual([0, 100_000, 100]);
});
