import { expect, test } from "bun:test";
import { createBatchSizes } from "../../src/infrastructure/batch-sizes.ts";

const quantiles = (value: number) => ({ p50: value, p75: value, p90: value, p95: value, p99: value });

test("batches of one size fall into one bucket", () => {
  const { histogram, observe } = createBatchSizes();
  observe([{ cnt: 4, sum: 40, max: 10, ...quantiles(10) }]);
  expect(nonZero(histogram)).toEqual({ 10: 4 });
  expect(histogram.sum).toBe(40);
});

test("batches of many sizes are spread by their quantiles, none lost", () => {
  const { histogram, observe } = createBatchSizes();
  const window = { cnt: 100, sum: 5000, max: 20_000, p50: 1, p75: 8, p90: 100, p95: 1000, p99: 10_000 };
  observe([window]);
  expect(nonZero(histogram)).toEqual({ 1: 50, 10: 25, 100: 15, 1000: 5, 10000: 4, Infinity: 1 });
});

test("topics and reports add up", () => {
  const { histogram, observe } = createBatchSizes();
  const windows = [
    { cnt: 2, sum: 2, max: 1, ...quantiles(1) },
    { cnt: 3, sum: 300, max: 100, ...quantiles(100) },
  ];
  observe(windows);
  observe(windows);
  expect(nonZero(histogram)).toEqual({ 1: 4, 100: 6 });
  expect(histogram.sum).toBe(604);
});

test("a window without batches adds nothing", () => {
  const { histogram, observe } = createBatchSizes();
  observe([{ cnt: 0, sum: 0, max: 0, ...quantiles(0) }]);
  expect(nonZero(histogram)).toEqual({});
});

function nonZero({ bounds, counts }: { bounds: readonly number[]; counts: Float64Array }) {
  const slots = [...bounds, Infinity].map((bound, slot): [number, number] => [bound, counts[slot]!]);
  return Object.fromEntries(slots.filter(([, count]) => count !== 0));
}
