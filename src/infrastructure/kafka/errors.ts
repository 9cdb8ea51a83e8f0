import { type ErrorCode, type Failure, failure } from "../../domain/errors.ts";
import { Kafka } from "./upstream.ts";

const { ERRORS } = Kafka;

/** What librdkafka's codes mean for an event. A code that is not here is Kafka's refusal of it. */
const CODES: Partial<Record<number, ErrorCode>> = {
  [ERRORS.ERR__QUEUE_FULL]: "admission-closed",
  [ERRORS.ERR_MSG_SIZE_TOO_LARGE]: "event-too-large",
  [ERRORS.ERR_RECORD_LIST_TOO_LARGE]: "event-too-large",
  [ERRORS.ERR_UNKNOWN_TOPIC_OR_PART]: "unknown-topic",
  [ERRORS.ERR__UNKNOWN_TOPIC]: "unknown-topic",
  [ERRORS.ERR__UNKNOWN_PARTITION]: "unknown-topic",
  [ERRORS.ERR_TOPIC_AUTHORIZATION_FAILED]: "forbidden-topic",
  [ERRORS.ERR_CLUSTER_AUTHORIZATION_FAILED]: "forbidden-topic",
  [ERRORS.ERR__MSG_TIMED_OUT]: "delivery-timeout",
  [ERRORS.ERR__TIMED_OUT]: "delivery-timeout",
  [ERRORS.ERR_REQUEST_TIMED_OUT]: "delivery-timeout",
  [ERRORS.ERR__PURGE_QUEUE]: "delivery-abandoned",
  [ERRORS.ERR__PURGE_INFLIGHT]: "delivery-abandoned",
  [ERRORS.ERR__TRANSPORT]: "kafka-unavailable",
  [ERRORS.ERR__ALL_BROKERS_DOWN]: "kafka-unavailable",
  [ERRORS.ERR__RESOLVE]: "kafka-unavailable",
  [ERRORS.ERR__AUTHENTICATION]: "kafka-unavailable",
  [ERRORS.ERR_LEADER_NOT_AVAILABLE]: "kafka-unavailable",
  [ERRORS.ERR_NOT_LEADER_FOR_PARTITION]: "kafka-unavailable",
  [ERRORS.ERR_BROKER_NOT_AVAILABLE]: "kafka-unavailable",
  [ERRORS.ERR_NETWORK_EXCEPTION]: "kafka-unavailable",
  [ERRORS.ERR_NOT_ENOUGH_REPLICAS]: "kafka-unavailable",
  [ERRORS.ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND]: "kafka-unavailable",
  [ERRORS.ERR_THROTTLING_QUOTA_EXCEEDED]: "kafka-unavailable",
  [ERRORS.ERR_REPLICA_NOT_AVAILABLE]: "kafka-unavailable",
  [ERRORS.ERR_KAFKA_STORAGE_ERROR]: "kafka-unavailable",
  [ERRORS.ERR_FENCED_LEADER_EPOCH]: "kafka-unavailable",
  [ERRORS.ERR_UNKNOWN_LEADER_EPOCH]: "kafka-unavailable",
  [ERRORS.ERR_UNKNOWN_PRODUCER_ID]: "kafka-unavailable",
  [ERRORS.ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]: "kafka-unavailable",
  [ERRORS.ERR__STATE]: "kafka-unavailable",
  [ERRORS.ERR__FATAL]: "kafka-unavailable",
};

/** What to do about it, where there is something to do. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  "admission-closed":
    "the queue to Kafka is full; post again later, or raise RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES or _MAX_KBYTES",
  // Kafka judges whole batches, and librdkafka does not split a batch that was refused as Java clients do.
  "event-too-large":
    "make it smaller, or raise RDKAFKA_MESSAGE_MAX_BYTES and the topic's max.message.bytes; " +
    "where only its batch was too large, keep RDKAFKA_BATCH_SIZE below that limit",
  "unknown-topic": "create the topic, or correct KAFKA_TOPIC or EVENT_TYPES",
  "forbidden-topic": "grant this client WRITE on the topic",
  "delivery-abandoned":
    "sidepost shut down before Kafka confirmed it; it may be there all the same if it was on the wire",
};

/** Seconds after which another try makes sense. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  "admission-closed": 1,
  "kafka-unavailable": 1,
  "delivery-timeout": 1,
};

/** The failure that one of librdkafka's error codes stands for. `text` is librdkafka's own sentence. */
export function kafkaFailure(code: number, text: string): Failure {
  const kind = CODES[code] ?? "kafka-rejected";
  const advice = ADVICE[kind];
  const retryAfter = RETRY_AFTER[kind];
  const detail = `librdkafka says: ${text}${advice ? `; ${advice}` : ""}`;
  return failure(kind, detail, retryAfter === undefined ? {} : { retryAfter });
}
