import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load.ts";
import { checkProperty } from "../../../src/infrastructure/kafka/core.ts";
import {
  kafkaOptions,
  queueLimits,
  transactionalOptions,
} from "../../../src/infrastructure/kafka/options.ts";

const MIB = 1024 ** 2;

test("by default nothing is lost, doubled or reordered, and keys land where Java puts them", () => {
  expect(optionsFor({})).toMatchObject({
    "bootstrap.servers": "localhost:9092",
    "client.id": "producer-service",
    acks: "all",
    "enable.idempotence": true,
    partitioner: "murmur2_random",
    "compression.codec": "snappy",
    retries: 3,
    "retry.backoff.ms": 100,
    "retry.backoff.max.ms": 5000,
    dr_cb: true,
  });
});

test("our variables become librdkafka's properties", () => {
  const options = optionsFor({
    KAFKA_BROKER_LIST: "a:1,b:2",
    KAFKA_CLIENT_ID: "me",
    KAFKA_COMPRESSION: "zstd",
    KAFKA_MAX_RETRIES: "9",
    KAFKA_RETRY_BACKOFF: "2s",
  });
  expect(options).toMatchObject({
    "bootstrap.servers": "a:1,b:2",
    "client.id": "me",
    "compression.codec": "zstd",
    retries: 9,
    "retry.backoff.ms": 2000,
  });
});

test("the embedded broker is a mock cluster, and no other address is asked", () => {
  const options = optionsFor({ KAFKA_BROKER_LIST: "embedded" });
  expect(options["test.mock.num.brokers"]).toBe(1);
  expect(options).not.toHaveProperty("bootstrap.servers");
});

test("KAFKA_BATCH_SIZE bounds the batches on the wire where it is set, also to its default", () => {
  const property = "batch.num.messages";
  expect(optionsFor({})[property]).toBe(10_000);
  expect(optionsFor({ KAFKA_BATCH_SIZE: "100" })[property]).toBe(100);
  expect(optionsFor({ KAFKA_BATCH_SIZE: "7" })[property]).toBe(7);
  expect(optionsFor({ KAFKA_BATCH_SIZE: "7", RDKAFKA_BATCH_NUM_MESSAGES: "8" })[property]).toBe("8");
});

test("an RDKAFKA_ variable has the last word", () => {
  const options = optionsFor({
    RDKAFKA_LINGER_MS: "50",
    RDKAFKA_PARTITIONER: "consistent",
    RDKAFKA_BATCH_NUM_MESSAGES: "8",
  });
  expect(options).toMatchObject({ "linger.ms": "50", partitioner: "consistent", "batch.num.messages": "8" });
});

test.each([
  [{}, { maxRecords: 2098, maxBytes: MIB }, { messages: 2098, kbytes: 1024 }],
  [
    { RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "7" },
    { maxRecords: 7, maxBytes: MIB },
    { messages: "7", kbytes: 1024 },
  ],
  [
    { RDKAFKA_QUEUE_BUFFERING_MAX_KBYTES: "8" },
    { maxRecords: 2098, maxBytes: 8192 },
    { messages: 2098, kbytes: "8" },
  ],
  [
    { RDKAFKA_QUEUE_BUFFERING_MAX_KBYTES: "4096" },
    { maxRecords: 2098, maxBytes: MIB },
    { messages: 2098, kbytes: "4096" },
  ],
])("of a budget of 1 MiB and %p the queue gets %p", (env, limits, options) => {
  expect(queueLimits(configFor(env), MIB)).toEqual(limits);
  expect(optionsFor(env)).toMatchObject({
    "queue.buffering.max.messages": options.messages,
    "queue.buffering.max.kbytes": options.kbytes,
  });
});

test("librdkafka takes every one of them", () => {
  for (const [name, value] of Object.entries(optionsFor({ KAFKA_BROKER_LIST: "embedded" })))
    if (name !== "dr_cb")
      expect({ name, fault: checkProperty(name, String(value)) }).toEqual({ name, fault: undefined });
});

test("the client for transactions has a transactional id, and times that librdkafka takes together", () => {
  const env = {
    KAFKA_BROKER_LIST: "embedded",
    RDKAFKA_DELIVERY_TIMEOUT_MS: "120000",
    RDKAFKA_SOCKET_TIMEOUT_MS: "60000",
  };
  const options = transactionalOptions(configFor(env), queueLimits(configFor(env), MIB), "id-1", "a:1");
  expect(options).toMatchObject({
    "transactional.id": "id-1",
    "bootstrap.servers": "a:1",
    "transaction.timeout.ms": 10_000,
    "message.timeout.ms": 10_000,
    "enable.idempotence": true,
  });
  expect(options).not.toHaveProperty("test.mock.num.brokers");
  expect(
    transactionalOptions(
      configFor({ RDKAFKA_TRANSACTION_TIMEOUT_MS: "2000" }),
      { maxRecords: 1000, maxBytes: MIB },
      "id-1",
      "a:1",
    ),
  ).toMatchObject({ "transaction.timeout.ms": 2000, "message.timeout.ms": 2000, "socket.timeout.ms": 2000 });
});

function configFor(env: Record<string, string>) {
  const loaded = loadConfig(env, { readFile: (path) => path, checkProperty });
  if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
  return loaded.config;
}

function optionsFor(env: Record<string, string>): ReturnType<typeof kafkaOptions> {
  const config = configFor(env);
  return kafkaOptions(config, queueLimits(config, MIB));
}
