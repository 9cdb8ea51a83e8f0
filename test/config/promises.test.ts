import { expect, test } from "bun:test";
import { brokenPromise } from "../../src/config/promises.ts";

test.each([
  ["bootstrap.servers", "kafka:9092"],
  ["metadata.broker.list", "kafka:9092"],
  ["test.mock.num.brokers", "1"],
  ["test.mock.broker.rtt", "100"],
  ["transactional.id", "me"],
  ["delivery.report.only.error", "true"],
  ["acks", "0"],
  ["acks", "1"],
  ["request.required.acks", "1"],
  ["enable.idempotence", "false"],
  ["statistics.interval.ms", "0"],
  ["queue.buffering.max.messages", "0"],
  ["queue.buffering.max.messages", "00"],
  // librdkafka would take its low 32 bits, which are 5.
  ["queue.buffering.max.messages", "4294967301"],
  ["queue.buffering.max.kbytes", "64MiB"],
  ["queue.buffering.max.kbytes", "0"],
  ["message.max.bytes", "1e6"],
])("%s may not be %s", (property, value) => {
  expect(brokenPromise(property, value)).toBeString();
});

test.each([
  ["acks", "all"],
  ["request.required.acks", "-1"],
  ["delivery.report.only.error", "false"],
  ["enable.idempotence", "true"],
  ["statistics.interval.ms", "5000"],
  ["queue.buffering.max.messages", "1"],
  ["queue.buffering.max.kbytes", "2147483647"],
  ["message.max.bytes", "20000"],
  ["partitioner", "consistent"],
  ["linger.ms", "0"],
])("%s may be %s", (property, value) => {
  expect(brokenPromise(property, value)).toBeUndefined();
});
