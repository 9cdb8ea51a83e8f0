import { expect, test } from "bun:test";
import { type Failure, failure } from "../../src/domain/errors.ts";
import type { EventType } from "../../src/domain/event.ts";
import type { Batch, Delivery, Producer, Settle, SettleBatch } from "../../src/domain/ports.ts";
import type { Delivered, Failed } from "../../src/domain/receipt.ts";
import type { EventLog } from "../../src/usecase/eventlog.ts";
import { createPublisher, type PublisherOptions } from "../../src/usecase/publish.ts";
import { createTally } from "../../src/usecase/tally.ts";

const USER: EventType = { name: "user", type: "user_created", topic: "events" };
const ORDER: EventType = { name: "order", type: "order_created", topic: "orders" };
const BODY = new Uint8Array();
/** Longer than any test runs. */
const LONG = 60_000;

const at = (offset: number, topic = "events") => ({
  topic,
  partition: 2,
  offset,
  timestamp: 1_704_110_400_000,
});
const REJECTED = failure("kafka-rejected", "no");
const ABANDONED = failure("delivery-abandoned", "given up");

test("a delivered event is answered with where it is, counted and logged", async () => {
  const { publisher, producer, counts, lines, pass } = start();
  const receipt = publisher.one(BODY, USER, LONG);
  expect(counts()).toMatchObject({ accepted: 1, published: 0 });
  pass(12);
  producer.settle(at(7));
  expect(await receipt).toEqual({ status: "delivered", id: "id-1", ...at(7) });
  expect(counts()).toMatchObject({ published: 1, failed: 0, avg_publish_time_ms: 12 });
  expect(lines).toEqual(["published user_created id-1 12 ms"]);
});

test("nothing is waited for where the caller does not want to, and the books are kept all the same", () => {
  const { publisher, producer, counts, lines } = start();
  expect(publisher.one(BODY, USER, "no")).toEqual({ status: "accepted", id: "id-1" });
  producer.settle(at(7));
  expect(counts()).toMatchObject({ accepted: 1, published: 1 });
  expect(lines).toEqual(["published user_created id-1 0 ms"]);
});

test("a failed event is answered with why, counted and logged", async () => {
  const { publisher, producer, counts, lines } = start();
  const receipt = publisher.one(BODY, USER, LONG);
  producer.settle({ error: REJECTED });
  expect(await receipt).toEqual({ status: "failed", id: "id-1", error: REJECTED });
  expect(counts()).toMatchObject({ published: 0, failed: 1, lost: 0, failedBy: { "kafka-rejected": 1 } });
  expect(lines).toEqual(["failed user_created id-1 kafka-rejected"]);
});

test("a refused post was never taken, and stands in no book of what was", () => {
  const { publisher, producer, counts, lines } = start();
  producer.refuseWith = failure("admission-closed", "full", { retryAfter: 1 });
  expect(publisher.one(BODY, USER, LONG)).toEqual({ status: "refused", error: producer.refuseWith });
  expect(publisher.many(BODY, "array", LONG)).toEqual({ status: "refused", error: producer.refuseWith });
  expect(counts()).toMatchObject({ accepted: 0, failed: 0 });
  expect(lines).toEqual([]);
});

test("an event that is not confirmed in time is answered as such, and still booked when it is delivered", async () => {
  const { publisher, producer, counts } = start();
  const receipt = (await publisher.one(BODY, USER, 1)) as Failed;
  expect(receipt).toMatchObject({
    status: "failed",
    id: "id-1",
    error: { code: "delivery-timeout", retryAfter: 1 },
  });
  expect(receipt.error.detail).toContain("within 1 ms");
  expect(counts()).toMatchObject({ published: 0, failed: 0 });
  producer.settle(at(7));
  expect(counts()).toMatchObject({ published: 1, failed: 0 });
});

test("of an event whose poster has left it is logged where it is, and it is booked when it is delivered", async () => {
  const { publisher, producer, counts, lines, pass } = start();
  const receipt = publisher.one(BODY, USER, LONG, { signal: AbortSignal.abort() });
  pass(60);
  expect(await receipt).toMatchObject({ status: "failed", id: "id-1", error: { code: "client-left" } });
  expect(lines).toEqual(['left {"event_id":"id-1","event_type":"user_created","state":"queued"} 60 ms']);
  expect(counts()).toMatchObject({ published: 0, failed: 0 });
  producer.settle(at(7));
  expect(counts()).toMatchObject({ published: 1, failed: 0, lost: 0 });
});

test("of a batch whose poster has left it is logged how many events are where", async () => {
  const { publisher, producer, counts, lines, pass } = start();
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

test("an event given up at shutdown is failed and lost, and has a line of its own with its key", async () => {
  const { publisher, producer, counts, lines } = start();
  const receipt = publisher.one(BODY, ORDER, LONG);
  producer.settle({ error: ABANDONED }, "customer-1");
  expect(await receipt).toMatchObject({ status: "failed", error: ABANDONED });
  expect(counts()).toMatchObject({ failed: 1, lost: 1 });
  expect(lines).toEqual(["lost order_created id-1 orders customer-1"]);
});

test("who asks for it is told what became of an event, before its answer or long after", async () => {
  const { publisher, producer } = start();
  const told: unknown[] = [];
  const taken: unknown[] = [];
  const tell = {
    taken: (ids: readonly string[]) => void taken.push(...ids),
    settled: (receipt: unknown) => void told.push(receipt),
  };
  const receipt = publisher.one(BODY, USER, LONG, undefined, tell);
  producer.settle(at(7));
  expect(told).toEqual([await receipt]);
  await publisher.one(BODY, USER, 1, undefined, tell);
  expect(told).toHaveLength(1);
  producer.settle({ error: REJECTED });
  expect(told[1]).toMatchObject({ status: "failed", error: REJECTED });
  publisher.one(BODY, USER, "no", undefined, tell);
  producer.settle(at(8));
  expect(told[2]).toMatchObject({ status: "delivered", offset: 8 });
  producer.refuseWith = failure("admission-closed", "full");
  publisher.one(BODY, USER, LONG, undefined, tell);
  expect(told).toHaveLength(3);
  expect(taken).toHaveLength(3);
});

test("who asks for it is told what became of a batch, before its answer or long after", async () => {
  const { publisher, producer } = start();
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
  const { publisher, producer, counts, lines } = start();
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
  const { publisher, producer, counts, lines } = start();
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
  const { publisher, producer, counts } = start();
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
  const { publisher, producer, counts } = start();
  producer.batchOf = [USER, ORDER];
  expect(publisher.many(BODY, "array", "no")).toEqual([
    { status: "accepted", id: "b-0" },
    { status: "accepted", id: "b-1" },
  ]);
  producer.settleBatch([at(1), at(2)]);
  expect(counts()).toMatchObject({ accepted: 2, published: 2 });
});

test("events of a batch given up at shutdown are counted as lost and logged one by one", async () => {
  const { publisher, producer, counts, lines } = start();
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

test("an accepted event that Kafka refuses is lost, and so is one whose poster was told to go on waiting", async () => {
  const { publisher, producer, counts, lines } = start();
  publisher.one(BODY, USER, "no");
  producer.settle({ error: REJECTED });
  expect(counts()).toMatchObject({ failed: 1, lost: 1 });
  expect(await publisher.one(BODY, USER, 1)).toMatchObject({ status: "failed" });
  producer.settle({ error: REJECTED });
  expect(counts()).toMatchObject({ failed: 2, lost: 2 });
  expect(lines).toEqual(["lost user_created id-1 events null", "lost user_created id-1 events null"]);
});

test("an event whose poster learns of its failure is not lost", async () => {
  const { publisher, producer, counts } = start();
  const receipt = publisher.one(BODY, USER, LONG);
  producer.settle({ error: REJECTED });
  expect(await receipt).toMatchObject({ status: "failed" });
  expect(counts()).toMatchObject({ failed: 1, lost: 0 });
});

test("accepted events of a batch that Kafka refuses are lost", () => {
  const { publisher, producer, counts } = start();
  producer.batchOf = [USER, USER];
  publisher.many(BODY, "array", "no");
  producer.settleBatch([at(1), { error: REJECTED }]);
  expect(counts()).toMatchObject({ published: 1, failed: 1, lost: 1 });
});

test("receipts that come rendered are handed on as they are, and counted all the same", async () => {
  const { publisher, producer, counts, lines } = start();
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
  const { publisher, producer } = start();
  producer.batchOf = [USER];
  publisher.many(BODY, "array", "no");
  expect(producer.receiptsWanted).toBeFalse();
});

test("an empty batch is answered at once", () => {
  const { publisher, counts, lines } = start();
  expect(publisher.many(BODY, "array", LONG)).toEqual([]);
  expect(publisher.many(BODY, "array", "no")).toEqual([]);
  expect(counts()).toMatchObject({ accepted: 0, published: 0 });
  expect(lines).toEqual([]);
});

/** A publisher on fakes, and the books that it keeps. */
test("what only the disk was to have, and did not take, is surely nowhere, and that is the last word on it", async () => {
  const full = failure("spool-unavailable", "the disk is full");
  const disk = { writing: true, required: () => undefined, begin: () => true, keep: async () => full };
  for (const alone of [true, false]) {
    const { publisher, producer } = start({ ...disk, stored: async () => full });
    producer.wentToDisk = () => alone;
    const told: unknown[] = [];
    const watch = { taken() {}, settled: (outcome: unknown) => void told.push(outcome) };
    const one = await publisher.one(BODY, USER, "no", undefined, watch);
    expect(one).toMatchObject({ status: "failed", error: full, nowhere: alone });
    expect(told).toEqual(alone ? [one] : []);
    producer.batchOf = [USER];
    const many = await publisher.many(BODY, "array", "no", undefined, watch);
    expect(many).toMatchObject([{ status: "failed", error: full, nowhere: alone }]);
    // The core says of a batch that is on disk alone that it is stored, whatever the disk will say.
    producer.settleBatch([alone ? { stored: true } : at(1)]);
    expect(told.at(-1)).toMatchObject([{ status: alone ? "failed" : "delivered" }]);
  }
});

test("what may be on disk all the same is not said to be nowhere, and that is the last word on it as well", async () => {
  const ended = failure("spool-unavailable", "the thread of the spool ended", { unsure: true });
  const disk = { writing: true, required: () => undefined, begin: () => true, keep: async () => ended };
  const { publisher, producer } = start({ ...disk, stored: async () => ended });
  producer.wentToDisk = () => true;
  const told: unknown[] = [];
  const watch = { taken() {}, settled: (outcome: unknown) => void told.push(outcome) };
  const one = await publisher.one(BODY, USER, "no", undefined, watch);
  expect(one).toMatchObject({ status: "failed", nowhere: false });
  producer.batchOf = [USER];
  const many = await publisher.many(BODY, "array", "no", undefined, watch);
  expect(many).toMatchObject([{ status: "failed", nowhere: false }]);
  expect(told).toEqual([one, many]);
});

function start(spooling?: PublisherOptions["spooling"]) {
  const types = [USER, ORDER];
  let clock = 0;
  const tally = createTally(["user_created", "order_created"], () => clock);
  const lines: string[] = [];
  const producer = new FakeProducer();
  const eventLog = recordLog(lines);
  const publisher = createPublisher({
    producer,
    types,
    tally,
    eventLog,
    now: () => clock,
    ...(spooling === undefined ? {} : { spooling }),
  });
  return {
    publisher,
    producer,
    lines,
    pass: (ms: number) => (clock += ms),
    counts: () => ({
      ...tally.stats({ queuedRecords: 0, retries: 0 }),
      accepted: tally.types.reduce((sum, { accepted }) => sum + accepted, 0),
      lost: tally.lostTotal,
      failedBy: tally.type("user_created").failedBy,
    }),
  };
}

/** Takes everything, until told to refuse, and settles when told to. */
class FakeProducer implements Pick<Producer, "send" | "sendBatch" | "wentToDisk"> {
  refuseWith: Failure | undefined;
  batchOf: EventType[] = [];
  receiptsWanted: boolean | undefined;
  deliveries: Delivery[] = [];
  #settle: Settle = () => {};
  #settleBatch: SettleBatch = () => {};

  wentToDisk = () => false;

  #takenAt = 0;

  send(
    _body: Uint8Array,
    _type: EventType,
    _promised: boolean,
    settle: Settle,
    takenAt: number,
  ): string | Failure {
    this.#settle = settle;
    this.#takenAt = takenAt;
    return this.refuseWith ?? "id-1";
  }

  sendBatch(_body: Uint8Array, _framing: string, receipts: boolean, settle: SettleBatch): Batch | Failure {
    this.receiptsWanted = receipts;
    this.#settleBatch = settle;
    const ids = this.batchOf.map((_, index) => `b-${index}`);
    const typeAt = (index: number) => this.batchOf[index]!;
    return (
      this.refuseWith ?? { size: ids.length, ids, typeAt, deliveryAt: (index) => this.deliveries[index] }
    );
  }

  settle(delivery: Delivery, key: string | null = null): void {
    this.#settle(delivery, "id-1", key, this.#takenAt);
  }

  settleBatch(deliveries: Delivery[], rendered?: Uint8Array): void {
    this.deliveries = deliveries;
    this.#settleBatch(rendered);
  }
}

function recordLog(lines: string[]): EventLog {
  return {
    type: (name) => ({
      published(ms, count, receiptAt: (index: number) => Delivered) {
        for (let i = 0; i < count; i++) lines.push(`published ${name} ${receiptAt(i).id} ${ms} ms`);
      },
      failed(_ms, code, _count, receiptAt) {
        lines.push(`failed ${name} ${receiptAt(0).id} ${code}`);
      },
    }),
    rejected: ({ code }, fields) => void lines.push(`rejected ${code} ${fields?.["event_type"]}`),
    lost: ({ id, type, topic, key }) => void lines.push(`lost ${type} ${id} ${topic} ${key}`),
    left: (ms, fields) => void lines.push(`left ${JSON.stringify(fields)} ${ms} ms`),
    flush() {},
  };
}
