import { expect, test } from "bun:test";
import { ABANDONED, at, BODY, LONG, ORDER, REJECTED, startPublisher, USER } from "../helpers/publisher.ts";

test("of a batch whose poster has left it is logged how many events are where", async () => {
  const { publisher, producer, counts, lines, pass } = startPublisher();
  producer.batchOf = [USER, ORDER, USER, USER];
  producer.deliveries = [at(1), { error: REJECTED }];
  const outcome = publisher.many(BODY, "array", LONG, { signal: AbortSignal.abort() });
  pass(60);
  expect(await outcome).toMatchObject({ status: "left", error: { code: "client-left" } });
  expect(lines).toEqual([
    'left {"first_event_id":"b-0","delivered":1,"failed":1,"stored":0,"queued":2} 60 ms',
  ]);
  producer.settleBatch([at(1), { error: REJECTED }, at(2), { error: REJECTED }]);
  expect(counts()).toMatchObject({ published: 2, failed: 2, lost: 2 });
});

test("who asks for it is told what became of a batch, before its answer or long after", async () => {
  const { publisher, producer } = startPublisher();
  const told: unknown[] = [];
  const taken: unknown[] = [];
  const tell = {
    taken: (ids: readonly string[]) => void taken.push(...ids),
    settled: (outcome: unknown) => void told.push(outcome),
  };
  producer.batchOf = [USER, ORDER];
  const outcome = publisher.many(BODY, "array", LONG, undefined, tell);
  producer.settleBatch([at(1), { error: REJECTED }]);
  expect(told).toEqual([await outcome]);
  await publisher.many(BODY, "array", 1, undefined, tell);
  expect(told).toHaveLength(1);
  producer.settleBatch([at(1), at(2, "orders")]);
  expect(told[1]).toMatchObject([{ status: "delivered" }, { status: "delivered", topic: "orders" }]);
});

test("a batch is answered in its own order, and counted by type", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  producer.batchOf = [USER, ORDER, USER];
  const receipts = publisher.many(BODY, "lines", LONG);
  expect(counts()).toMatchObject({ accepted: 3 });
  producer.settleBatch([at(1), at(2, "orders"), at(3)]);
  expect(await receipts).toEqual([
    { status: "delivered", id: "b-0", ...at(1) },
    { status: "delivered", id: "b-1", ...at(2, "orders") },
    { status: "delivered", id: "b-2", ...at(3) },
  ]);
  expect(counts().by_type).toMatchObject({ user_created: { published: 2 }, order_created: { published: 1 } });
  expect(lines).toEqual([
    "published user_created b-0 0 ms",
    "published user_created b-2 0 ms",
    "published order_created b-1 0 ms",
  ]);
});

test("of a batch some may fail, and only those", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  producer.batchOf = [USER, USER, ORDER];
  const receipts = publisher.many(BODY, "array", LONG);
  producer.settleBatch([at(1), { error: REJECTED }, { error: REJECTED }]);
  expect(await receipts).toEqual([
    { status: "delivered", id: "b-0", ...at(1) },
    { status: "failed", id: "b-1", error: REJECTED },
    { status: "failed", id: "b-2", error: REJECTED },
  ]);
  expect(counts()).toMatchObject({ published: 1, failed: 2, lost: 0 });
  expect(lines.filter((line) => line.startsWith("failed"))).toHaveLength(2);
});

test("a batch that is not settled in time is answered with what is known, and booked whole later", async () => {
  const { publisher, producer, counts } = startPublisher();
  producer.batchOf = [USER, USER];
  producer.deliveries = [at(1)];
  const receipts = publisher.many(BODY, "array", 1);
  expect(await receipts).toMatchObject([
    { status: "delivered", id: "b-0", offset: 1 },
    { status: "failed", id: "b-1", error: { code: "delivery-timeout", retryAfter: 1 } },
  ]);
  expect(counts()).toMatchObject({ published: 0, failed: 0 });
  producer.settleBatch([at(1), at(2)]);
  expect(counts()).toMatchObject({ published: 2, failed: 0 });
});

test("a batch that nobody waits for is accepted, each event under its id", () => {
  const { publisher, producer, counts } = startPublisher();
  producer.batchOf = [USER, ORDER];
  expect(publisher.many(BODY, "array", "no")).toEqual([
    { status: "accepted", id: "b-0" },
    { status: "accepted", id: "b-1" },
  ]);
  producer.settleBatch([at(1), at(2)]);
  expect(counts()).toMatchObject({ accepted: 2, published: 2 });
});

test("events of a batch given up at shutdown are counted as lost and logged one by one", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  producer.batchOf = [USER, ORDER, USER];
  const receipts = publisher.many(BODY, "array", LONG);
  producer.settleBatch([{ error: ABANDONED }, { error: ABANDONED }, at(3)]);
  expect(await receipts).toMatchObject([{ status: "failed" }, { status: "failed" }, { status: "delivered" }]);
  expect(counts()).toMatchObject({ failed: 2, lost: 2, published: 1 });
  expect(lines.filter((line) => line.startsWith("lost"))).toEqual([
    "lost user_created b-0 events undefined",
    "lost order_created b-1 orders undefined",
  ]);
});

test("accepted events of a batch that Kafka refuses are lost", () => {
  const { publisher, producer, counts } = startPublisher();
  producer.batchOf = [USER, USER];
  publisher.many(BODY, "array", "no");
  producer.settleBatch([at(1), { error: REJECTED }]);
  expect(counts()).toMatchObject({ published: 1, failed: 1, lost: 1 });
});

test("receipts that come rendered are handed on as they are, and counted all the same", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  producer.batchOf = [USER, ORDER];
  const outcome = publisher.many(BODY, "array", LONG);
  expect(producer.receiptsWanted).toBeTrue();
  const json = Buffer.from("the receipts");
  producer.settleBatch([at(0), at(1)], json);
  expect(await outcome).toEqual({ status: "delivered", json });
  expect(counts()).toMatchObject({ accepted: 2, published: 2, failed: 0 });
  expect(lines).toHaveLength(2);
});

test("nobody renders receipts that nobody waits for", () => {
  const { publisher, producer } = startPublisher();
  producer.batchOf = [USER];
  publisher.many(BODY, "array", "no");
  expect(producer.receiptsWanted).toBeFalse();
});

test("an empty batch is answered at once", () => {
  const { publisher, counts, lines } = startPublisher();
  expect(publisher.many(BODY, "array", LONG)).toEqual([]);
  expect(publisher.many(BODY, "array", "no")).toEqual([]);
  expect(counts()).toMatchObject({ accepted: 0, published: 0 });
  expect(lines).toEqual([]);
});
