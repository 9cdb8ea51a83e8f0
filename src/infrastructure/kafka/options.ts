import type { Config } from "../../config/schema.ts";

/** The most that librdkafka takes. */
const WITHOUT_END = 2_147_483_647;

type Options = Record<string, string | number | boolean>;
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
  { kafka, spool }: Pick<Config, "kafka" | "spool">,
  { maxRecords, maxBytes }: QueueLimits,
): Options {
  return {
    ...(kafka.embedded ? { "test.mock.num.brokers": 1 } : { "bootstrap.servers": kafka.brokers }),
    "client.id": kafka.clientId,
    acks: "all",
    "enable.idempotence": true,
    // What waits while a request is under way goes with the next, all of it, unless KAFKA_BATCH_SIZE is set: batches of 100
    // would cost a third of the throughput (245k against 428k events/s) and more the farther Kafka is.
    "batch.num.messages": kafka.batchSizeChosen ? kafka.batchSize : 10_000,
    "compression.codec": kafka.compression,
    // With a disk to keep events on, none is given up for what may pass.
    retries: spool.mode === "off" ? kafka.maxRetries : WITHOUT_END,
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
    // A topic that brokers have denied for a second, and then deny again (they are asked once a second), is not there.
    // Shorter, and a topic that Kafka is about to make would be missed; longer, and a misspelt one is an answer late.
    "topic.metadata.propagation.max.ms": 1000,
    "queue.buffering.max.messages": maxRecords,
    "queue.buffering.max.kbytes": Math.ceil(maxBytes / 1024),
    "statistics.interval.ms": 1000,
    dr_cb: true,
    ...kafka.properties,
  };
}

/** Milliseconds. Brokers look every 10 s for transactions that are older, so a killed process holds readers up for 20 s. */
const TRANSACTION_TIMEOUT = 10_000;

/** The configuration of the client for transactions, under an id of its own and on the brokers of `bootstrap`. */
export function transactionalOptions(
  config: Pick<Config, "kafka" | "spool">,
  limits: QueueLimits,
  id: string,
  bootstrap: string,
): Options {
  const kafka = { ...config.kafka, embedded: false, brokers: bootstrap };
  const options = kafkaOptions({ ...config, kafka }, limits);
  const timeout = Number(options["transaction.timeout.ms"] ?? TRANSACTION_TIMEOUT);
  return {
    ...options,
    "transactional.id": id,
    "transaction.timeout.ms": timeout,
    // librdkafka takes no more for either.
    "message.timeout.ms": timeout,
    "socket.timeout.ms": Math.min(Number(options["socket.timeout.ms"] ?? timeout), timeout),
    // A batch is tried again as a whole. Below that only the time is bounded: librdkafka would give up a commit whose
    // answers are lost, and never ask what became of it.
    retries: WITHOUT_END,
    "statistics.interval.ms": 0,
  };
}

/**
 * Who waits is told after topic.metadata.propagation.max.ms that there is no such topic. A promised event is tried for so
 * many times as long, which is by default as long as Java's producer waits (max.block.ms, 60 s).
 */
const PATIENCE = 60;

/** The bounds as the core takes them, and that of one message. */
export const coreLimits = ({ maxRecords, maxBytes }: QueueLimits, options: Options) => ({
  maxMessages: maxRecords,
  maxBytes,
  maxMessageBytes: Number(options["message.max.bytes"]),
  patience: PATIENCE * Number(options["topic.metadata.propagation.max.ms"]),
});
