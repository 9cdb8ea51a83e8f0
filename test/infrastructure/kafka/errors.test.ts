import { expect, test } from "bun:test";
import { codes } from "@confluentinc/kafka-javascript/lib/error.js";
import { kafkaFailure } from "../../../src/infrastructure/kafka/errors.ts";

test("a failure has the code's meaning, and a code from a later Kafka is its refusal", () => {
  expect(kafkaFailure(codes.ERR_LEADER_NOT_AVAILABLE, "").code).toBe("kafka-unavailable");
  expect(kafkaFailure(32_000, "Err-32000?")).toEqual({
    code: "kafka-rejected",
    detail: "librdkafka says: Err-32000?",
  });
});

test("a failure repeats librdkafka's words, and adds what to do", () => {
  const { detail } = kafkaFailure(codes.ERR__QUEUE_FULL, "Local: Queue full");
  expect(detail).toStartWith("librdkafka says: Local: Queue full; ");
  expect(detail).toContain("RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES");
  expect(kafkaFailure(codes.ERR_INVALID_TIMESTAMP, "Broker: Invalid timestamp").detail).toBe(
    "librdkafka says: Broker: Invalid timestamp",
  );
});

test.each([
  ["the topic", codes.ERR_TOPIC_AUTHORIZATION_FAILED, "WRITE on the topic"],
  ["the cluster", codes.ERR_CLUSTER_AUTHORIZATION_FAILED, "IDEMPOTENT_WRITE on the cluster"],
  ["the transactional id", codes.ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "WRITE on its transactional id"],
])("a right that is missing on %s is named", (_, code, right) => {
  expect(kafkaFailure(code, "").detail).toContain(`grant this client ${right}`);
});

test("only where waiting helps it says for how long", () => {
  expect(kafkaFailure(codes.ERR__QUEUE_FULL, "").retryAfter).toBe(1);
  expect(kafkaFailure(codes.ERR__TRANSPORT, "").retryAfter).toBe(1);
  expect(kafkaFailure(codes.ERR_MSG_SIZE_TOO_LARGE, "")).not.toHaveProperty("retryAfter");
});
