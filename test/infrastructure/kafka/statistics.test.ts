import { expect, test } from "bun:test";
import { readStatistics } from "../../../src/infrastructure/kafka/statistics.ts";

const broker = (nodeid: number, state: string) => ({ nodeid, state, txretries: 9, rtt: {} });
const batchcnt = { cnt: 4, sum: 40, max: 10, p50: 10, p75: 10, p90: 10, p95: 10, p99: 10 };
const report = (...brokers: object[]): string =>
  JSON.stringify({
    name: "rdkafka#producer-1",
    brokers: Object.fromEntries(brokers.map((each, i) => [`b${i}`, each])),
    topics: { orders: { topic: "orders", age: 1, batchcnt } },
    produce_retries: { cnt: 7, retry: 2, err: 19 },
  });

test("brokers that are up are counted, and those that are known", () => {
  expect(readStatistics(report(broker(1, "UP"), broker(2, "DOWN"), broker(3, "UP")))).toMatchObject({
    brokersUp: 2,
    brokersKnown: 3,
  });
});

test("a bootstrap address is no broker", () => {
  expect(readStatistics(report(broker(-1, "UP"), broker(1, "UP")))).toMatchObject({
    brokersUp: 1,
    brokersKnown: 1,
  });
});

test("retries are those of Produce requests, and not those of other kinds that each broker counts", () => {
  expect(readStatistics(report(broker(1, "UP")))?.retries).toEqual({ count: 7, retry: 2, code: 19 });
});

test("the batches of each topic are read", () => {
  expect(readStatistics(report())?.batches).toEqual([batchcnt]);
});

test("what is no report is nothing", () => {
  for (const text of ["", "{", "{}", report({}), report().replace('"cnt"', '"count"')])
    expect({ text, read: readStatistics(text) }).toEqual({ text, read: undefined });
});
