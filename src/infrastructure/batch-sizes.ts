import * as v from "valibot";
import { createHistogram, type Histogram } from "../usecase/histogram.ts";

const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** librdkafka's window statistics (its STATISTICS.md). Each window begins where the last report ended. */
const Window = v.object({
  cnt: v.number(),
  sum: v.number(),
  max: v.number(),
  p50: v.number(),
  p75: v.number(),
  p90: v.number(),
  p95: v.number(),
  p99: v.number(),
});

const Statistics = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ topics: v.record(v.string(), v.object({ batchcnt: Window })) }),
);

/** How many records the batches held that librdkafka sent. */
export interface BatchSizes {
  readonly histogram: Histogram;
  /** Adds the batches of one statistics report, as librdkafka wrote it; ignores what is not one. */
  observeStatistics(json: string): void;
}

/** Starts with no batches. */
export function createBatchSizes(): BatchSizes {
  const histogram = createHistogram(BOUNDS);
  return {
    histogram,
    observeStatistics(json) {
      const report = v.safeParse(Statistics, json);
      if (!report.success) return;
      for (const { batchcnt } of Object.values(report.output.topics)) addWindow(histogram, batchcnt);
    },
  };
}

/** Number and sum are exact. Of the sizes only quantiles are reported: a batch counts at the next quantile above it. */
function addWindow(histogram: Histogram, window: v.InferOutput<typeof Window>): void {
  let below = 0;
  for (const [slot, bound] of [...histogram.bounds, Infinity].entries()) {
    const cumulative = Math.round(window.cnt * shareUpTo(bound, window));
    histogram.counts[slot]! += cumulative - below;
    below = cumulative;
  }
  histogram.sum += window.sum;
}

function shareUpTo(bound: number, { max, p50, p75, p90, p95, p99 }: v.InferOutput<typeof Window>): number {
  if (max <= bound) return 1;
  if (p99 <= bound) return 0.99;
  if (p95 <= bound) return 0.95;
  if (p90 <= bound) return 0.9;
  if (p75 <= bound) return 0.75;
  return p50 <= bound ? 0.5 : 0;
}
