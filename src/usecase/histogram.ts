/** Counts observations by upper bound, as Prometheus histograms do. Plain numbers, rendered elsewhere. */
export interface Histogram {
  /** Upper bounds, inclusive and ascending. */
  readonly bounds: readonly number[];
  /** Observations per bound, not cumulative; the last slot counts what is above every bound. */
  readonly counts: Float64Array;
  sum: number;
}

/** Seconds; from a delivery on loopback to the longest a request may take. */
export const DURATION_BOUNDS: readonly number[] = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15,
];

/** An empty histogram over ascending `bounds`. */
export const createHistogram = (bounds: readonly number[] = DURATION_BOUNDS): Histogram => ({
  bounds,
  counts: new Float64Array(bounds.length + 1),
  sum: 0,
});

/** Adds `times` observations of the same value. */
export function observe(histogram: Histogram, value: number, times = 1): void {
  const { bounds, counts } = histogram;
  let slot = 0;
  while (slot < bounds.length && value > bounds[slot]!) slot++;
  counts[slot]! += times;
  histogram.sum += value * times;
}
