import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { type ErrorCode, isRetriable } from "../../../src/domain/errors.ts";
import { kafkaFailure } from "../../../src/infrastructure/kafka/errors.ts";

const { ERRORS } = RdKafka.CODES;

test.each([
  ["ERR__QUEUE_FULL", "admission-closed"],
  ["ERR_MSG_SIZE_TOO_LARGE", "event-too-large"],
  ["ERR_UNKNOWN_TOPIC_OR_PART", "unknown-topic"],
  ["ERR_TOPIC_AUTHORIZATION_FAILED", "forbidden-topic"],
  ["ERR__MSG_TIMED_OUT", "delivery-timeout"],
  ["ERR__PURGE_QUEUE", "delivery-abandoned"],
  ["ERR__PURGE_INFLIGHT", "delivery-abandoned"],
  ["ERR__STATE", "kafka-unavailable"],
  ["ERR__TRANSPORT", "kafka-unavailable"],
  ["ERR_LEADER_NOT_AVAILABLE", "kafka-unavailable"],
  ["ERR_NOT_ENOUGH_REPLICAS", "kafka-unavailable"],
  ["ERR_INVALID_MSG", "kafka-rejected"],
] as const satisfies [keyof typeof ERRORS, ErrorCode][])("%s is %s", (name, code) => {
  expect(kafkaFailure(ERRORS[name], "").code).toBe(code);
});

test("what the requirements call retriable is, and what they do not is not", () => {
  const retriable = (code: number) => isRetriable(kafkaFailure(code, "").code);
  // Refused and reset connections are librdkafka's transport failure.
  const again = [
    ERRORS.ERR__TRANSPORT,
    ERRORS.ERR__MSG_TIMED_OUT,
    ERRORS.ERR_REQUEST_TIMED_OUT,
    ERRORS.ERR_LEADER_NOT_AVAILABLE,
    ERRORS.ERR__QUEUE_FULL,
  ];
  const never = [
    ERRORS.ERR_INVALID_MSG,
    ERRORS.ERR_MSG_SIZE_TOO_LARGE,
    ERRORS.ERR_TOPIC_AUTHORIZATION_FAILED,
    ERRORS.ERR_UNKNOWN_TOPIC_OR_PART,
  ];
  expect(again.map(retriable)).toEqual(again.map(() => true));
  expect(never.map(retriable)).toEqual(never.map(() => false));
});

test("a failure repeats librdkafka's words, and adds what to do", () => {
  const { detail } = kafkaFailure(ERRORS.ERR__QUEUE_FULL, "Local: Queue full");
  expect(detail).toStartWith("librdkafka says: Local: Queue full; ");
  expect(detail).toContain("RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES");
  expect(kafkaFailure(ERRORS.ERR_INVALID_MSG, "Broker: Invalid message").detail).toBe(
    "librdkafka says: Broker: Invalid message",
  );
});

test("only where waiting helps it says for how long", () => {
  expect(kafkaFailure(ERRORS.ERR__QUEUE_FULL, "").retryAfter).toBe(1);
  expect(kafkaFailure(ERRORS.ERR__TRANSPORT, "").retryAfter).toBe(1);
  expect(kafkaFailure(ERRORS.ERR_MSG_SIZE_TOO_LARGE, "")).not.toHaveProperty("retryAfter");
});
