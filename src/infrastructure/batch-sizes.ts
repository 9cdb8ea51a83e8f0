import { createHistogram, type Histogram } from "../usecase/histogram.ts";
import type { BatchWindow } from "./kafka/statistics.ts";

const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** How many records the batches held that librdkafka sent. */
export interface BatchSizes {
  readonly histogram: Histogram;
  /** Adds the batches of one statistics report. */
  observe(windows: readonly BatchWindow[]): void;
}

/** Starts with no batches. */
export function createBatchSizes(): BatchSizes {
  const histogram = createHistogram(BOUNDS);
  return {
    histogram,
    observe(windows) {
      for (const window of windows) addWindow(histogram, window);
    },
  };
}

/** Number and sum are exact. Of the sizes only quantiles are reported: a batch counts at the next quantile above it. */
function addWindow(histogram: Histogram, window: BatchWindow): void {
  let below = 0;
  for (const [slot, bound] of [...histogram.bounds, Infinity].entries()) {
    const cumulative = Math.round(window.cnt * shareUpTo(bound, window));
    histogram.counts[slot]! += cumulative - below;
    below = cumulative;
  }
  histogram.sum += window.sum;
}

function shareUpTo(bound: number, { max, p50, p75, p90, p95, p99 }: BatchWindow): number {
  if (max <= bound) return 1;
  if (p99 <= bound) return 0.99;
  if (p95 <= bound) return 0.95;
  if (p90 <= bound) return 0.9;
  if (p75 <= bound) return 0.75;
  return p50 <= bound ? 0.5 : 0;
}
