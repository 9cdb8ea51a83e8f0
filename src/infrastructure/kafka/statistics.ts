import * as v from "valibot";

/** The part of librdkafka's statistics (its STATISTICS.md) that is used here. */
const Statistics = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    brokers: v.record(v.string(), v.object({ nodeid: v.number(), state: v.string(), txretries: v.number() })),
  }),
);

export interface BrokerCounts {
  brokersUp: number;
  brokersKnown: number;
  retries: number;
}

/** Counts brokers and retries in one statistics report; undefined where it is not one. */
export function brokerCounts(json: string): BrokerCounts | undefined {
  const report = v.safeParse(Statistics, json);
  if (!report.success) return undefined;
  const brokers = Object.values(report.output.brokers);
  // A bootstrap address has no node id until the broker behind it has said which one it is.
  const known = brokers.filter(({ nodeid }) => nodeid >= 0);
  return {
    brokersUp: known.filter(({ state }) => state === "UP").length,
    brokersKnown: known.length,
    retries: brokers.reduce((sum, { txretries }) => sum + txretries, 0),
  };
}
