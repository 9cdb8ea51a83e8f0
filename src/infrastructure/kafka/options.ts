import type { Config } from "../../config/schema.ts";

/** The bounds of the queue to Kafka. */
export interface QueueLimits {
  maxRecords: number;
  /** Of memory, as the core counts it. */
  maxBytes: number;
}

/** No event takes less, as the core counts. */
const LEAST_RECORD_BYTES = 500;

/**
 * The queue may have the whole budget, in bytes, unless RDKAFKA_QUEUE_BUFFERING_MAX_ variables make it smaller. The core
 * counts all memory of an event and librdkafka only its value, so with these bounds librdkafka is never the first to refuse.
 */
export function queueLimits({ kafka }: Pick<Config, "kafka">, budget: number): QueueLimits {
  const { "queue.buffering.max.messages": records, "queue.buffering.max.kbytes": kbytes } = kafka.properties;
  return {
    maxRecords: Number(records ?? Math.ceil(budget / LEAST_RECORD_BYTES)),
    maxBytes: Math.min(budget, Number(kbytes ?? Infinity) * 1024),
  };
}

/**
 * librdkafka's configuration for ours, by its own names
 * (https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md). RDKAFKA_ variables have the last word.
 */
export function kafkaOptions(
  { kafka }: Pick<Config, "kafka">,
  { maxRecords, maxBytes }: QueueLimits,
): Record<string, string | number | boolean> {
  return {
    ...(kafka.embedded ? { "test.mock.num.brokers": 1 } : { "bootstrap.servers": kafka.brokers }),
    "client.id": kafka.clientId,
    acks: "all",
    "enable.idempotence": true,
    // What waits while a request is under way goes with the next, all of it: KAFKA_BATCH_SIZE is not for the wire, where
    // batches of 100 would cost a third of the throughput (245k against 428k events/s) and more the farther Kafka is.
    "batch.num.messages": 10_000,
    "compression.codec": kafka.compression,
    retries: kafka.maxRetries,
    "retry.backoff.ms": kafka.retryBackoff,
    "retry.backoff.max.ms": 5000,
    // Keys land in the partitions where Java clients put them.
    partitioner: "murmur2_random",
    // No event waits for company: what arrives while a request is under way makes up the next batch.
    "linger.ms": 0,
    "socket.nagle.disable": true,
    "message.max.bytes": 1_000_000,
    // After an outage of any length Kafka is found again within two seconds.
    "reconnect.backoff.max.ms": 2000,
    // An outage never ends an event, however long it is: the queue is bounded, the time is not. Only Kafka's own
    // refusals do: one for good, or KAFKA_MAX_RETRIES of those that may pass.
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": maxRecords,
    "queue.buffering.max.kbytes": Math.ceil(maxBytes / 1024),
    "statistics.interval.ms": 1000,
    dr_cb: true,
    ...kafka.properties,
  };
}
