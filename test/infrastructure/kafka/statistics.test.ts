import { expect, test } from "bun:test";
import { brokerCounts } from "../../../src/infrastructure/kafka/statistics.ts";

const broker = (nodeid: number, state: string, txretries = 0) => ({ nodeid, state, txretries, rtt: {} });
const report = (...brokers: object[]): string =>
  JSON.stringify({
    name: "rdkafka#producer-1",
    brokers: Object.fromEntries(brokers.map((each, i) => [`b${i}`, each])),
  });

test("brokers that are up are counted, and those that are known", () => {
  expect(brokerCounts(report(broker(1, "UP"), broker(2, "DOWN"), broker(3, "UP")))).toEqual({
    brokersUp: 2,
    brokersKnown: 3,
    retries: 0,
  });
});

test("a bootstrap address is no broker, but its retries count", () => {
  expect(brokerCounts(report(broker(-1, "UP", 2), broker(1, "UP", 3)))).toEqual({
    brokersUp: 1,
    brokersKnown: 1,
    retries: 5,
  });
});

test("what is no report is no count", () => {
  for (const text of ["", "{", "{}", '{"brokers":{"a":{}}}'])
    expect({ text, counts: brokerCounts(text) }).toEqual({ text, counts: undefined });
});
