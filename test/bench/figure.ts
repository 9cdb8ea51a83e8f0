/** Several readings of one thing: the machine is shared and drifts, so one number alone says little. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** A bound on a figure, or on its ratio to the yardstick measured beside it. Told, never enforced. */
export interface Target {
  of: "value" | "ratio";
  bound: "at least" | "at most";
  limit: number;
}

/** One line of the report. `beside` is the yardstick in the same run; `ratio` is value / beside, pair by pair. */
export interface Figure {
  name: string;
  unit: string;
  value: Spread;
  beside?: Spread;
  ratio?: Spread;
  target?: Target;
}

/** The median, least and greatest of one or more readings. */
export function spread(readings: number[]): Spread {
  const sorted = readings.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const half = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2, min: at(0), max: at(sorted.length - 1) };
}

/** A figure of readings that stand alone. */
export function figure(name: string, unit: string, readings: number[], target?: Target): Figure {
  return { name, unit, value: spread(readings), ...(target && { target }) };
}

/** A figure of pairs: what was measured, and the yardstick measured right after it. */
export function paired(name: string, unit: string, pairs: [number, number][], target?: Target): Figure {
  return {
    ...figure(
      name,
      unit,
      pairs.map(([value]) => value),
      target,
    ),
    beside: spread(pairs.map(([, beside]) => beside)),
    ratio: spread(pairs.map(([value, beside]) => value / beside)),
  };
}

/** Whether the median is within the target; undefined where none is set. */
export function isMet({ value, ratio, target }: Figure): boolean | undefined {
  if (!target) return undefined;
  const { median } = (target.of === "ratio" ? ratio : value) ?? { median: Number.NaN };
  return target.bound === "at least" ? median >= target.limit : median <= target.limit;
}

const median = (readings: number[]): number => spread(readings).median;

export const atLeast = (limit: number, of: Target["of"] = "value"): Target => ({
  of,
  bound: "at least",
  limit,
});
export const atMost = (limit: number, of: Target["of"] = "value"): Target => ({
  of,
  bound: "at most",
  limit,
});

/** By how many percent the last quarter of the readings lies above the first, each by its median. */
export function growth(readings: number[]): number {
  const quarter = Math.ceil(readings.length / 4);
  return 100 * (median(readings.slice(-quarter)) / median(readings.slice(0, quarter)) - 1);
}
