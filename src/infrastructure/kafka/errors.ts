import { type ErrorCode, type Failure, failure } from "../../domain/errors.ts";
import { meaningOf } from "./codes.ts";
import { Kafka } from "./upstream.ts";

const { ERRORS } = Kafka;

/** What to do about it, where there is something to do. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  "admission-closed":
    "the queue to Kafka is full; post again later, or raise RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES or _MAX_KBYTES",
  "event-too-large": "make it smaller, or raise RDKAFKA_MESSAGE_MAX_BYTES and the topic's max.message.bytes",
  "unknown-topic": "create the topic, or correct KAFKA_TOPIC or EVENT_TYPES",
  "forbidden-topic": "grant this client WRITE on the topic",
  "delivery-timeout":
    "it waits no longer, and may be in Kafka all the same if it was on the wire, so a retry can make a second record",
  "delivery-abandoned":
    "sidepost shut down, or its Kafka client failed for good, before Kafka confirmed it; " +
    "it may be there all the same if it was on the wire",
};

/** The same for single codes, where more can be said than of all that mean the same. */
const CODE_ADVICE: Partial<Record<number, string>> = {
  // https://cwiki.apache.org/confluence/display/KAFKA/KIP-679
  [ERRORS.ERR_CLUSTER_AUTHORIZATION_FAILED]:
    "grant this client IDEMPOTENT_WRITE on the cluster, for which Kafka 2.8 and later take WRITE on any topic",
  [ERRORS.ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED]: "grant this client WRITE on its transactional id",
  [ERRORS.ERR_INVALID_RECORD]: "where the topic is compacted, give the event a key",
  [ERRORS.ERR__FATAL]: "the Kafka client has failed for good; /health says why, and only a restart helps",
};

/** Seconds after which another try makes sense. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  "admission-closed": 1,
  "kafka-unavailable": 1,
  "delivery-timeout": 1,
};

/** The failure that one of librdkafka's error codes stands for. `text` is librdkafka's own sentence. */
export function kafkaFailure(code: number, text: string): Failure {
  const kind = meaningOf(code) ?? "kafka-rejected";
  const advice = CODE_ADVICE[code] ?? ADVICE[kind];
  const retryAfter = RETRY_AFTER[kind];
  const detail = `librdkafka says: ${text}${advice ? `; ${advice}` : ""}`;
  return failure(kind, detail, retryAfter === undefined ? {} : { retryAfter });
}
