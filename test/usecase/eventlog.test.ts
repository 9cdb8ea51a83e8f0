import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { failure } from "../../src/domain/errors.ts";
import type { LogFields, Logger } from "../../src/domain/logger.ts";
import type { Delivered, Failed } from "../../src/domain/receipt.ts";
import { createEventLog } from "../../src/usecase/eventlog.ts";

const TIMEOUT = failure("delivery-timeout", "no answer within 15 s");

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("a published event has a line of its own", () => {
  const { events, lines } = start(2);
  events.type("user_created").published(15.23, 1, delivered);
  expect(lines).toEqual([
    {
      level: "info",
      msg: "Event published successfully",
      event_id: "id-0",
      event_type: "user_created",
      duration: "15.2ms",
      topic: "events",
      partition: 1,
      offset: 0,
    },
  ]);
});

test("a failed event has a line of its own, with code and detail", () => {
  const { events, lines } = start(2);
  events.type("user_created").failed(3, "delivery-timeout", 1, failed);
  expect(lines).toEqual([
    {
      level: "error",
      msg: "Event failed",
      event_id: "id-0",
      event_type: "user_created",
      duration: "3.0ms",
      code: "delivery-timeout",
      detail: "no answer within 15 s",
    },
  ]);
});

test("a rejected post has a line with its code, detail and what is known of it", () => {
  const { events, lines } = start(2);
  events.rejected(failure("unknown-event", "no event is called usr"), { event_type: "usr" });
  expect(lines).toEqual([
    {
      level: "warn",
      msg: "Event rejected",
      event_type: "usr",
      code: "unknown-event",
      detail: "no event is called usr",
    },
  ]);
});

test("a client that left has a line with where its events are, and beyond the sample they are counted", () => {
  const { events, lines } = start(2);
  for (const event_id of ["id-0", "id-1", "id-2", "id-3"]) events.left(3.14, { event_id, state: "queued" });
  events.flush();
  const line = { level: "warn", msg: "Client left before its answer", duration: "3.1ms", state: "queued" };
  expect(lines).toEqual([
    { ...line, event_id: "id-0" },
    { ...line, event_id: "id-1" },
    { level: "warn", msg: "Clients left before their answers", count: 2 },
  ]);
});

test("beyond the sample events are counted, in one line at the end of the second", () => {
  const { events, lines } = start(2);
  const user = events.type("user_created");
  for (let event = 0; event < 7; event++) user.published(1, 1, delivered);
  jest.advanceTimersByTime(999);
  expect(lines).toHaveLength(2);
  jest.advanceTimersByTime(1);
  expect(lines.slice(2)).toEqual([
    { level: "info", msg: "Events published successfully", count: 5, event_type: "user_created" },
  ]);
});

test("a batch is sampled like its events, and asks only for the receipts it writes", () => {
  const { events, lines } = start(2);
  const asked: number[] = [];
  events.type("user_created").published(1, 100, (index) => {
    asked.push(index);
    return delivered(index);
  });
  jest.advanceTimersByTime(1000);
  expect(asked).toEqual([0, 1]);
  expect(lines.map(({ event_id, count }) => event_id ?? count)).toEqual(["id-0", "id-1", 98]);
});

test("each type, outcome and code has its own sample", () => {
  const { events, lines } = start(1);
  const [user, order] = [events.type("user_created"), events.type("order_created")];
  for (let turn = 0; turn < 2; turn++) {
    user.published(1, 1, delivered);
    order.published(1, 1, delivered);
    user.failed(1, "delivery-timeout", 1, failed);
    user.failed(1, "kafka-rejected", 1, failed);
    events.rejected(failure("draining", "shutting down"));
  }
  expect(lines).toHaveLength(5);
  jest.advanceTimersByTime(1000);
  expect(lines.slice(5)).toEqual([
    { level: "info", msg: "Events published successfully", count: 1, event_type: "user_created" },
    { level: "info", msg: "Events published successfully", count: 1, event_type: "order_created" },
    { level: "error", msg: "Events failed", count: 1, event_type: "user_created", code: "delivery-timeout" },
    { level: "error", msg: "Events failed", count: 1, event_type: "user_created", code: "kafka-rejected" },
    { level: "warn", msg: "Events rejected", count: 1, code: "draining" },
  ]);
});

test("the next second has a sample and a count of its own", () => {
  const { events, lines } = start(1);
  const user = events.type("user_created");
  user.published(1, 3, delivered);
  jest.advanceTimersByTime(1000);
  user.published(1, 5, delivered);
  jest.advanceTimersByTime(1000);
  expect(lines.map(({ event_id, count }) => event_id ?? count)).toEqual(["id-0", 2, "id-0", 4]);
});

test("no timer runs while every event has its line, and a used up sample is whole again after a pause", () => {
  const { events, lines } = start(1);
  const user = events.type("user_created");
  user.published(1, 1, delivered);
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(1000);
  user.published(1, 1, delivered);
  expect(lines.map(({ event_id }) => event_id)).toEqual(["id-0", "id-0"]);
  expect(jest.getTimerCount()).toBe(0);
});

test("nothing is reported twice, and the timer ends when nothing is left to report", () => {
  const { events, lines } = start(1);
  events.type("user_created").published(1, 3, delivered);
  jest.advanceTimersByTime(5000);
  expect(lines).toHaveLength(2);
  expect(jest.getTimerCount()).toBe(0);
});

test("flush reports at once what the second has counted so far", () => {
  const { events, lines } = start(1);
  events.type("user_created").published(1, 3, delivered);
  events.flush();
  expect(lines[1]).toMatchObject({ count: 2 });
  expect(jest.getTimerCount()).toBe(0);
});

test("with a sample of 0 events are only counted", () => {
  const { events, lines } = start(0);
  events.type("user_created").published(1, 1, delivered);
  jest.advanceTimersByTime(1000);
  expect(lines).toEqual([
    { level: "info", msg: "Events published successfully", count: 1, event_type: "user_created" },
  ]);
});

test("lost events are never sampled", () => {
  const { events, lines } = start(0);
  const abandoned = failure("delivery-abandoned", "given up at shutdown");
  for (const id of ["a", "b", "c"]) {
    events.lost({ id, type: "user_created", topic: "events", key: null }, abandoned);
  }
  expect(lines.map(({ event_id, msg, code }) => [event_id, msg, code])).toEqual([
    ["a", "Event lost", "delivery-abandoned"],
    ["b", "Event lost", "delivery-abandoned"],
    ["c", "Event lost", "delivery-abandoned"],
  ]);
});

function start(sample: number) {
  const lines: LogFields[] = [];
  const write = (level: string) => (fields: LogFields, msg: string) =>
    void lines.push({ level, msg, ...fields });
  const logger: Logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  return { lines, events: createEventLog(logger, sample) };
}

function delivered(index: number): Delivered {
  return {
    status: "delivered",
    id: `id-${index}`,
    topic: "events",
    partition: 1,
    offset: index,
    timestamp: -1,
  };
}

function failed(index: number): Failed {
  return { status: "failed", id: `id-${index}`, error: TIMEOUT };
}
