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
const Statistics = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    brokers: v.record(v.string(), v.object({ nodeid: v.number(), state: v.string(), txretries: v.number() })),
    topics: v.record(v.string(), v.object({ batchcnt: Window })),
  }),
);

/** How many records the batches of one topic held, since the last report. */
export type BatchWindow = v.InferOutput<typeof Window>;

export interface BrokerCounts {
  brokersUp: number;
  brokersKnown: number;
  retries: number;
}

/** Reads one statistics report; undefined where it is not one. */
export function readStatistics(json: string): { counts: BrokerCounts; batches: BatchWindow[] } | undefined {
  const report = v.safeParse(Statistics, json);
  if (!report.success) return undefined;
  const brokers = Object.values(report.output.brokers);
  // A bootstrap address has no node id until the broker behind it has said which one it is.
  const known = brokers.filter(({ nodeid }) => nodeid >= 0);
  return {
    counts: {
      brokersUp: known.filter(({ state }) => state === "UP").length,
      brokersKnown: known.length,
      retries: brokers.reduce((sum, { txretries }) => sum + txretries, 0),
    },
    batches: Object.values(report.output.topics).map(({ batchcnt }) => batchcnt),
  };
}
