import { expect, test } from "bun:test";
import { brokers, eventMappings, origins, topic, word } from "../../src/config/values.ts";

test.each(["events", "a", "team.events_v1-dlq", "...", "x".repeat(249)])("the topic %p is legal", (value) => {
  expect(topic.parse(value)).toEqual({ value });
});

test.each(["", ".", "..", "my events", "events/1", "é", "events\n", "x".repeat(250)])(
  "the topic %p is refused",
  (text) => {
    expect(topic.parse(text)).toEqual({ refused: text });
  },
);

test.each(["two words", "line\n", "é", "x".repeat(256)])("the name %p is refused", (text) => {
  expect(word.parse(text)).toEqual({ refused: text });
});

test("brokers are host:port each, or the embedded one", () => {
  expect(brokers.parse("kafka-0.kafka:9092, 10.0.0.1:9093,[::1]:9094")).toEqual({
    value: ["kafka-0.kafka:9092", "10.0.0.1:9093", "[::1]:9094"],
  });
  expect(brokers.parse("embedded")).toEqual({ value: "embedded" });
});

test.each(["kafka", "kafka:0", "kafka:65536", "kafka:port", ":9092", "http://kafka:9092", "::1:9092"])(
  "the broker %p is refused, and not the good one beside it",
  (text) => {
    expect(brokers.parse(`kafka-0:9092,${text}`)).toEqual({ refused: text });
  },
);

test("origins are scheme, host and port, or every one", () => {
  expect(origins.parse("https://app.example.com,http://localhost:3000")).toEqual({
    value: ["https://app.example.com", "http://localhost:3000"],
  });
  expect(origins.parse("*")).toEqual({ value: "*" });
});

test.each(["app.example.com", "https://app.example.com/", "https://*.example.com/x", "null", "*"])(
  "the origin %p in a list is refused",
  (text) => {
    expect(origins.parse(`https://a.example.com,${text}`)).toEqual({ refused: text });
  },
);

test("an event mapping has a topic of its own only when it names one", () => {
  expect(eventMappings.parse("refund=payment_refunded@payments,visit=com.example.visit")).toEqual({
    value: [
      { name: "refund", type: "payment_refunded", topic: "payments" },
      { name: "visit", type: "com.example.visit" },
    ],
  });
});

test.each(["refund", "refund=", "=type", "a/b=type", "refund=type@", "refund=type@bad topic", "a=b=c"])(
  "the event mapping %p is refused",
  (text) => {
    expect(eventMappings.parse(text)).toEqual({ refused: text });
  },
);

test("a name is mapped once", () => {
  expect(eventMappings.parse("a=x,b=y,a=z")).toEqual({ refused: "a=x,b=y,a=z" });
});
