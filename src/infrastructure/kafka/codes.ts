import type { ErrorCode } from "../../domain/errors.ts";
import { Kafka } from "./upstream.ts";

/** Codes of librdkafka's rdkafka.h that upstream's list has not got. */
const UNLISTED: Readonly<Record<string, number>> = {
  INCONSISTENT_TOPIC_ID: 103,
  MISMATCHED_ENDPOINT_TYPE: 114,
  UNSUPPORTED_ENDPOINT_TYPE: 115,
  UNKNOWN_CONTROLLER_ID: 116,
  INVALID_REGISTRATION: 119,
  TRANSACTION_ABORTABLE: 120,
  INVALID_RECORD_STATE: 121,
  SHARE_SESSION_NOT_FOUND: 122,
  INVALID_SHARE_SESSION_EPOCH: 123,
  FENCED_STATE_EPOCH: 124,
  INVALID_VOTER_KEY: 125,
  DUPLICATE_VOTER: 126,
  VOTER_NOT_FOUND: 127,
  INVALID_REGULAR_EXPRESSION: 128,
  STREAMS_INVALID_TOPOLOGY: 130,
  STREAMS_INVALID_TOPOLOGY_EPOCH: 131,
  STREAMS_TOPOLOGY_FENCED: 132,
  SHARE_SESSION_LIMIT_REACHED: 133,
};

/**
 * What each of librdkafka's codes means for an event, named as in rdkafka.h: with an underscore in front where librdkafka
 * says it, without where a broker does. When it comes, librdkafka has made its own retries: what it says is final for this
 * try, and the meaning says whether the same post can succeed later. Brokers' codes go by the column "retriable" of
 * https://kafka.apache.org/protocol#protocol_error_codes, but for those that a comment gives a reason for.
 */
const MEANINGS: readonly [ErrorCode, string][] = [
  // The way to Kafka: refused and reset connections are _TRANSPORT. An answer that cannot be read tells nothing.
  [
    "kafka-unavailable",
    `
      _TRANSPORT _FAIL _SSL _RESOLVE _ALL_BROKERS_DOWN _UNKNOWN_BROKER _DESTROY_BROKER _BAD_MSG
      NETWORK_EXCEPTION REBOOTSTRAP_REQUIRED LISTENER_NOT_FOUND
    `,
  ],
  // Wrong credentials are an operator's fault, and no event's: with the right ones, or renewed ones, the post succeeds.
  [
    "kafka-unavailable",
    `
      _AUTHENTICATION SASL_AUTHENTICATION_FAILED UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE
    `,
  ],
  // A cluster that is busy with itself: leaders move, replicas are missing, disks fail, quotas are used up. That a broker
  // is not there (BROKER_NOT_AVAILABLE) passes, whatever the column says; a topic that was made anew is found by its name.
  [
    "kafka-unavailable",
    `
      LEADER_NOT_AVAILABLE NOT_LEADER_FOR_PARTITION REPLICA_NOT_AVAILABLE BROKER_NOT_AVAILABLE
      FENCED_LEADER_EPOCH UNKNOWN_LEADER_EPOCH UNKNOWN_TOPIC_ID INCONSISTENT_TOPIC_ID
      PREFERRED_LEADER_NOT_AVAILABLE ELIGIBLE_LEADERS_NOT_AVAILABLE NOT_CONTROLLER
      NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND _ISR_INSUFF KAFKA_STORAGE_ERROR
      THROTTLING_QUOTA_EXCEEDED COORDINATOR_LOAD_IN_PROGRESS COORDINATOR_NOT_AVAILABLE
      NOT_COORDINATOR CONCURRENT_TRANSACTIONS _WAIT_COORD _WAIT_CACHE _RETRY
    `,
  ],
  // Nobody has judged this event: another one of its request is at fault, or its partition, which was there when it was
  // chosen, is gone (_DESTROY: while it was on the wire). The next try gets another partition.
  ["kafka-unavailable", "_INVALID_DIFFERENT_RECORD OPERATION_NOT_ATTEMPTED _UNKNOWN_PARTITION _DESTROY"],
  // This producer has lost its place in Kafka, or has failed for good: another one, after a restart at the latest, takes
  // the same post. The column says no, since it speaks of the same producer.
  [
    "kafka-unavailable",
    `
      OUT_OF_ORDER_SEQUENCE_NUMBER UNKNOWN_PRODUCER_ID INVALID_PRODUCER_EPOCH PRODUCER_FENCED
      INVALID_PRODUCER_ID_MAPPING INVALID_TXN_STATE TRANSACTION_ABORTABLE
      TRANSACTION_COORDINATOR_FENCED _FENCED _FATAL _STATE _INCONSISTENT _GAPLESS_GUARANTEE
    `,
  ],
  ["admission-closed", "_QUEUE_FULL"],
  ["delivery-timeout", "_MSG_TIMED_OUT _TIMED_OUT _TIMED_OUT_QUEUE REQUEST_TIMED_OUT"],
  // Cancelled: this process does not try again; whoever posted can.
  ["delivery-abandoned", "_PURGE_QUEUE _PURGE_INFLIGHT"],
  // The column calls UNKNOWN_TOPIC_OR_PART retriable, for clients that have not asked about the topic for a while yet.
  ["unknown-topic", "UNKNOWN_TOPIC_OR_PART _UNKNOWN_TOPIC TOPIC_EXCEPTION"],
  [
    "forbidden-topic",
    `
      TOPIC_AUTHORIZATION_FAILED CLUSTER_AUTHORIZATION_FAILED TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    `,
  ],
  ["event-too-large", "MSG_SIZE_TOO_LARGE RECORD_LIST_TOO_LARGE"],
  // The event itself, or how it is written. INVALID_MSG is retriable in the column, for bits that flipped on the way:
  // what is left of it after librdkafka's retries is invalid, such as a record without a key in a compacted topic.
  [
    "kafka-rejected",
    `
      INVALID_MSG INVALID_MSG_SIZE INVALID_RECORD INVALID_TIMESTAMP POLICY_VIOLATION
      UNSUPPORTED_COMPRESSION_TYPE UNSUPPORTED_FOR_MESSAGE_FORMAT UNSUPPORTED_VERSION
      _UNSUPPORTED_FEATURE INVALID_REQUIRED_ACKS INVALID_REQUEST INVALID_CONFIG
      INVALID_TRANSACTION_TIMEOUT SECURITY_DISABLED UNKNOWN
    `,
  ],
  // Brokers' answers to consumers, admin clients and other brokers. Here they would mean that Kafka does not want the event.
  [
    "kafka-rejected",
    `
      OFFSET_OUT_OF_RANGE STALE_CTRL_EPOCH OFFSET_METADATA_TOO_LARGE OFFSET_NOT_AVAILABLE
      ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL INVALID_GROUP_ID UNKNOWN_MEMBER_ID
      INVALID_SESSION_TIMEOUT REBALANCE_IN_PROGRESS INVALID_COMMIT_OFFSET_SIZE MEMBER_ID_REQUIRED
      GROUP_AUTHORIZATION_FAILED NON_EMPTY_GROUP GROUP_ID_NOT_FOUND GROUP_MAX_SIZE_REACHED
      FENCED_INSTANCE_ID FENCED_MEMBER_EPOCH STALE_MEMBER_EPOCH UNRELEASED_INSTANCE_ID
      UNSUPPORTED_ASSIGNOR GROUP_SUBSCRIBED_TO_TOPIC UNSTABLE_OFFSET_COMMIT
      FETCH_SESSION_ID_NOT_FOUND INVALID_FETCH_SESSION_EPOCH INVALID_RECORD_STATE
      SHARE_SESSION_NOT_FOUND INVALID_SHARE_SESSION_EPOCH SHARE_SESSION_LIMIT_REACHED
      FENCED_STATE_EPOCH STREAMS_INVALID_TOPOLOGY STREAMS_INVALID_TOPOLOGY_EPOCH
      STREAMS_TOPOLOGY_FENCED INVALID_REGULAR_EXPRESSION
      TOPIC_ALREADY_EXISTS TOPIC_DELETION_DISABLED INVALID_PARTITIONS INVALID_REPLICATION_FACTOR
      INVALID_REPLICA_ASSIGNMENT REASSIGNMENT_IN_PROGRESS NO_REASSIGNMENT_IN_PROGRESS
      ELECTION_NOT_NEEDED LOG_DIR_NOT_FOUND RESOURCE_NOT_FOUND DUPLICATE_RESOURCE
      DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH
      DELEGATION_TOKEN_REQUEST_NOT_ALLOWED DELEGATION_TOKEN_AUTHORIZATION_FAILED
      DELEGATION_TOKEN_EXPIRED INVALID_PRINCIPAL_TYPE UNACCEPTABLE_CREDENTIAL
      PRINCIPAL_DESERIALIZATION_FAILURE INVALID_UPDATE_VERSION FEATURE_UPDATE_FAILED
      STALE_BROKER_EPOCH INCONSISTENT_VOTER_SET INVALID_VOTER_KEY DUPLICATE_VOTER VOTER_NOT_FOUND
      MISMATCHED_ENDPOINT_TYPE UNSUPPORTED_ENDPOINT_TYPE UNKNOWN_CONTROLLER_ID INVALID_REGISTRATION
      UNKNOWN_SUBSCRIPTION_ID TELEMETRY_TOO_LARGE
    `,
  ],
  // A fault of this machine or of sidepost: what librdkafka says of wrong calls, and of consumers, which are not here.
  // That there is no error is none of them either, and of a duplicate librdkafka makes a delivery.
  [
    "internal",
    `
      _CRIT_SYS_RESOURCE _FS _INTR _INVALID_ARG _INVALID_TYPE _CONFLICT _IN_PROGRESS _PREV_IN_PROGRESS
      _NOT_IMPLEMENTED _NOT_CONFIGURED _APPLICATION _UNKNOWN_PROTOCOL _READ_ONLY _NOENT _NOOP _OUTDATED
      _BAD_COMPRESSION _PARTIAL _UNDERFLOW _KEY_SERIALIZATION _VALUE_SERIALIZATION _NODE_UPDATE
      _KEY_DESERIALIZATION _VALUE_DESERIALIZATION _PARTITION_EOF _NO_OFFSET _AUTO_OFFSET_RESET
      _UNKNOWN_GROUP _EXISTING_SUBSCRIPTION _ASSIGN_PARTITIONS _REVOKE_PARTITIONS _ASSIGNMENT_LOST
      _MAX_POLL_EXCEEDED _LOG_TRUNCATION _BEGIN _END NO_ERROR DUPLICATE_SEQUENCE_NUMBER
    `,
  ],
];

const codes = new Map([
  ...Object.entries(Kafka.ERRORS).map(([name, code]): [string, number] => [name.slice("ERR_".length), code]),
  ...Object.entries(UNLISTED),
]);
const meanings = new Map<number, ErrorCode>();
for (const [meaning, names] of MEANINGS) {
  for (const name of names.trim().split(/\s+/)) {
    const code = codes.get(name);
    if (code === undefined || meanings.has(code))
      throw new Error(`${name} is no code of librdkafka's, or has a meaning already`);
    meanings.set(code, meaning);
  }
}

/** What one of librdkafka's codes means for an event; undefined for a code that is newer than this table. */
export const meaningOf = (code: number): ErrorCode | undefined => meanings.get(code);
