import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codes } from "@confluentinc/kafka-javascript/lib/error.js";
import { type ErrorCode, isRetriable } from "../../../src/domain/errors.ts";
import { meaningOf } from "../../../src/infrastructure/kafka/codes.ts";
import { upstreamFolder } from "../../../src/native/toolchain.ts";

const HEADER = join(upstreamFolder(), "deps/librdkafka/src/rdkafka.h");

/** All codes of librdkafka's header by their names there, without RD_KAFKA_RESP_ERR_. */
function headerCodes(): [name: string, code: number][] {
  const source = readFileSync(HEADER, "utf8");
  const found = source.matchAll(/^\s*RD_KAFKA_RESP_ERR_(\w+) = (-?\d+),?/gm);
  return Array.from(found, ([, name = "", code]) => [name, Number(code)]);
}

test("every error code that upstream lists has a meaning", () => {
  const listed = Object.entries(codes);
  expect(listed.length).toBeGreaterThan(170);
  expect(listed.filter(([, code]) => meaningOf(code) === undefined)).toEqual([]);
});

test("every error code in librdkafka's header has a meaning, also one that upstream does not list yet", () => {
  const all = headerCodes();
  expect(all.length).toBeGreaterThan(185);
  expect(all.filter(([, code]) => meaningOf(code) === undefined)).toEqual([]);
});

test("a code that nobody knows has none", () => {
  expect(meaningOf(32_000)).toBeUndefined();
});

test.each([
  ["refused or reset connection", "_TRANSPORT", "kafka-unavailable"],
  ["unknown host", "_RESOLVE", "kafka-unavailable"],
  ["failed TLS handshake", "_SSL", "kafka-unavailable"],
  ["wrong credentials", "_AUTHENTICATION", "kafka-unavailable"],
  ["wrong credentials, said by the broker", "SASL_AUTHENTICATION_FAILED", "kafka-unavailable"],
  ["missing leader", "LEADER_NOT_AVAILABLE", "kafka-unavailable"],
  ["moved leader", "NOT_LEADER_FOR_PARTITION", "kafka-unavailable"],
  ["missing replica", "NOT_ENOUGH_REPLICAS", "kafka-unavailable"],
  ["used up quota", "THROTTLING_QUOTA_EXCEEDED", "kafka-unavailable"],
  ["broken disk", "KAFKA_STORAGE_ERROR", "kafka-unavailable"],
  ["invalid neighbour in the batch", "_INVALID_DIFFERENT_RECORD", "kafka-unavailable"],
  ["producer that lost its place", "OUT_OF_ORDER_SEQUENCE_NUMBER", "kafka-unavailable"],
  ["producer that failed for good", "_FATAL", "kafka-unavailable"],
  ["transaction to abort", "TRANSACTION_ABORTABLE", "kafka-unavailable"],
  ["full queue", "_QUEUE_FULL", "admission-closed"],
  ["event that waited too long", "_MSG_TIMED_OUT", "delivery-timeout"],
  ["request without an answer", "_TIMED_OUT", "delivery-timeout"],
  ["broker that waited too long for its replicas", "REQUEST_TIMED_OUT", "delivery-timeout"],
  ["event that was given up in the queue", "_PURGE_QUEUE", "delivery-abandoned"],
  ["event that was given up on the wire", "_PURGE_INFLIGHT", "delivery-abandoned"],
  ["topic that is not there", "UNKNOWN_TOPIC_OR_PART", "unknown-topic"],
  ["topic that librdkafka knows not to be there", "_UNKNOWN_TOPIC", "unknown-topic"],
  ["topic that cannot be", "TOPIC_EXCEPTION", "unknown-topic"],
  ["missing right on the topic", "TOPIC_AUTHORIZATION_FAILED", "forbidden-topic"],
  ["missing right on the cluster", "CLUSTER_AUTHORIZATION_FAILED", "forbidden-topic"],
  ["missing right on the transactional id", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "forbidden-topic"],
  ["large event", "MSG_SIZE_TOO_LARGE", "event-too-large"],
  ["large batch", "RECORD_LIST_TOO_LARGE", "event-too-large"],
  ["invalid message", "INVALID_MSG", "kafka-rejected"],
  ["invalid record", "INVALID_RECORD", "kafka-rejected"],
  ["compression that Kafka does not know", "UNSUPPORTED_COMPRESSION_TYPE", "kafka-rejected"],
  ["wrong call", "_INVALID_ARG", "internal"],
] satisfies [string, string, ErrorCode][])("a %s (%s) is %s", (_, name, meaning) => {
  expect(meaningOf(new Map(headerCodes()).get(name)!)).toBe(meaning);
});

test("a retry can help against what passes, and not against what the event, the topic or a right lacks", () => {
  const helps = (names: string[]) => {
    const all = new Map(headerCodes());
    return names.map((name) => isRetriable(meaningOf(all.get(name)!)!));
  };
  const passes = ["_TRANSPORT", "_TIMED_OUT", "REQUEST_TIMED_OUT", "LEADER_NOT_AVAILABLE", "_QUEUE_FULL"];
  expect(helps(passes)).toEqual(passes.map(() => true));
  const stays = [
    "INVALID_MSG",
    "MSG_SIZE_TOO_LARGE",
    "TOPIC_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    "UNKNOWN_TOPIC_OR_PART",
  ];
  expect(helps(stays)).toEqual(stays.map(() => false));
});
