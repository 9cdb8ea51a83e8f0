import * as v from "valibot";

/** librdkafka's window statistics. Each window begins where the last report ended. */
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

/** The part of librdkafka's statistics (its STATISTICS.md) that is used here. */
const Report = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    brokers: v.record(v.string(), v.object({ nodeid: v.number(), state: v.string() })),
    topics: v.record(v.string(), v.object({ batchcnt: Window })),
    // Of ours: src/native/retry-patches.ts.
    produce_retries: v.object({ cnt: v.number(), retry: v.number(), err: v.number() }),
  }),
);

/** How many records the batches of one topic held, since the last report. */
export type BatchWindow = v.InferOutput<typeof Window>;

/** The Produce requests that were sent again. */
export interface Retries {
  /** Since the client started. */
  count: number;
  /** Of the last one: how many of its retries were counted, and the error code that it followed. */
  retry: number;
  code: number;
}

export interface Statistics {
  brokersUp: number;
  brokersKnown: number;
  retries: Retries;
  batches: BatchWindow[];
}

/** Reads one statistics report; undefined where it is not one. */
export function readStatistics(json: string): Statistics | undefined {
  const report = v.safeParse(Report, json);
  if (!report.success) return undefined;
  const { brokers, topics, produce_retries: retries } = report.output;
  // A bootstrap address has no node id until the broker behind it has said which one it is.
  const known = Object.values(brokers).filter(({ nodeid }) => nodeid >= 0);
  return {
    brokersUp: known.filter(({ state }) => state === "UP").length,
    brokersKnown: known.length,
    retries: { count: retries.cnt, retry: retries.retry, code: retries.err },
    batches: Object.values(topics).map(({ batchcnt }) => batchcnt),
  };
}
