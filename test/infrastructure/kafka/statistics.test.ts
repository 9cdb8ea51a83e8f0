import { expect, test } from "bun:test";
import { readStatistics } from "../../../src/infrastructure/kafka/statistics.ts";

const broker = (nodeid: number, state: string, txretries = 0) => ({ nodeid, state, txretries, rtt: {} });
const batchcnt = { cnt: 4, sum: 40, max: 10, p50: 10, p75: 10, p90: 10, p95: 10, p99: 10 };
const report = (...brokers: object[]): string =>
  JSON.stringify({
    name: "rdkafka#producer-1",
    brokers: Object.fromEntries(brokers.map((each, i) => [`b${i}`, each])),
    topics: { orders: { topic: "orders", age: 1, batchcnt } },
  });

test("brokers that are up are counted, and those that are known", () => {
  expect(readStatistics(report(broker(1, "UP"), broker(2, "DOWN"), broker(3, "UP")))?.counts).toEqual({
    brokersUp: 2,
    brokersKnown: 3,
    retries: 0,
  });
});

test("a bootstrap address is no broker, but its retries count", () => {
  expect(readStatistics(report(broker(-1, "UP", 2), broker(1, "UP", 3)))?.counts).toEqual({
    brokersUp: 1,
    brokersKnown: 1,
    retries: 5,
  });
});

test("the batches of each topic are read", () => {
  expect(readStatistics(report())?.batches).toEqual([batchcnt]);
});

test("what is no report is nothing", () => {
  for (const text of ["", "{", "{}", report({}), report().replace('"cnt"', '"count"')])
    expect({ text, read: readStatistics(text) }).toEqual({ text, read: undefined });
});
