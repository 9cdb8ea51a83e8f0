import { expect, test } from "bun:test";
import { keysLimit, memoryBudget } from "../../src/usecase/budget.ts";

const MIB = 1024 ** 2;

test.each([
  ["auto" as const, undefined, 256],
  ["auto" as const, 192, 96],
  ["auto" as const, 1024, 720],
  [8 * MIB, undefined, 8],
  [8 * MIB, 192, 8],
])("a setting of %p and a memory limit of %p MiB give %p MiB", (setting, limit, bytes) => {
  expect(memoryBudget(setting, limit && limit * MIB)).toEqual({ bytes: bytes * MIB });
});

test("with a spool less is left for events: it takes memory, too", () => {
  expect(memoryBudget("auto", 192 * MIB, true)).toEqual({ bytes: 66 * MIB });
  expect(memoryBudget(100 * MIB, 192 * MIB, true).warning).toContain("the limit should be 237.4 MiB or more");
});

test("a limit that leaves nothing beside the process still gives a little, with a warning that says what would do", () => {
  expect(memoryBudget("auto", 48 * MIB)).toEqual({
    bytes: 4 * MIB,
    warning:
      "the memory limit of 48 MiB is too small for 4 MiB of events: it may be killed when Kafka is down; " +
      "the limit should be 69.4 MiB or more",
  });
});

test("a setting beyond the memory limit is taken, with a warning", () => {
  const { bytes, warning } = memoryBudget(600 * MIB, 512 * MIB);
  expect(bytes).toBe(600 * MIB);
  expect(warning).toContain("the limit should be 864 MiB or more");
});

test("keys may take an eighth of the budget, and no more than there is use for", () => {
  expect([8, 48, 720].map((mib) => keysLimit(mib * MIB) / MIB)).toEqual([1, 6, 32]);
});
