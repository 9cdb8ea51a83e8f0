import { expect, test } from "bun:test";
import { failure } from "../../src/domain/errors.ts";
import type { Failed } from "../../src/domain/receipt.ts";
import type { Wait } from "../../src/usecase/publish.ts";
import { ABANDONED, at, BODY, LONG, ORDER, REJECTED, startPublisher, USER } from "../helpers/publisher.ts";

test("a delivered event is answered with where it is, counted and logged", async () => {
  const { publisher, producer, counts, lines, pass } = startPublisher();
  const receipt = publisher.one(BODY, USER, LONG);
  expect(counts()).toMatchObject({ accepted: 1, published: 0 });
  pass(12);
  producer.settle(at(7));
  expect(await receipt).toEqual({ status: "delivered", id: "id-1", ...at(7) });
  expect(counts()).toMatchObject({ published: 1, failed: 0, avg_publish_time_ms: 12 });
  expect(lines).toEqual(["published user_created id-1 12 ms"]);
});

test("nothing is waited for where the caller does not want to, and the books are kept all the same", () => {
  const { publisher, producer, counts, lines } = startPublisher();
  expect(publisher.one(BODY, USER, "no")).toEqual({ status: "accepted", id: "id-1" });
  producer.settle(at(7));
  expect(counts()).toMatchObject({ accepted: 1, published: 1 });
  expect(lines).toEqual(["published user_created id-1 0 ms"]);
});

test("a failed event is answered with why, counted and logged", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  const receipt = publisher.one(BODY, USER, LONG);
  producer.settle({ error: REJECTED });
  expect(await receipt).toEqual({ status: "failed", id: "id-1", error: REJECTED });
  expect(counts()).toMatchObject({ published: 0, failed: 1, lost: 0, failedBy: { "kafka-rejected": 1 } });
  expect(lines).toEqual(["failed user_created id-1 kafka-rejected"]);
});

test("an event that is not confirmed in time is answered as such, and still booked when it is delivered", async () => {
  const { publisher, producer, counts } = startPublisher();
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
  const { publisher, producer, counts, lines, pass } = startPublisher();
  const receipt = publisher.one(BODY, USER, LONG, { signal: AbortSignal.abort() });
  pass(60);
  expect(await receipt).toMatchObject({ status: "failed", id: "id-1", error: { code: "client-left" } });
  expect(lines).toEqual(['left {"event_id":"id-1","event_type":"user_created","state":"queued"} 60 ms']);
  expect(counts()).toMatchObject({ published: 0, failed: 0 });
  producer.settle(at(7));
  expect(counts()).toMatchObject({ published: 1, failed: 0, lost: 0 });
});

test("an event given up at shutdown is failed and lost, and has a line of its own with its key", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  const receipt = publisher.one(BODY, ORDER, LONG);
  producer.settle({ error: ABANDONED }, "customer-1");
  expect(await receipt).toMatchObject({ status: "failed", error: ABANDONED });
  expect(counts()).toMatchObject({ failed: 1, lost: 1 });
  expect(lines).toEqual(["lost order_created id-1 orders customer-1"]);
});

test("who asks for it is told what became of an event, before its answer or long after", async () => {
  const { publisher, producer } = startPublisher();
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

test("an accepted event that Kafka refuses is lost, and so is one whose poster was told to go on waiting", async () => {
  const { publisher, producer, counts, lines } = startPublisher();
  publisher.one(BODY, USER, "no");
  producer.settle({ error: REJECTED });
  expect(counts()).toMatchObject({ failed: 1, lost: 1 });
  expect(await publisher.one(BODY, USER, 1)).toMatchObject({ status: "failed" });
  producer.settle({ error: REJECTED });
  expect(counts()).toMatchObject({ failed: 2, lost: 2 });
  expect(lines).toEqual(["lost user_created id-1 events null", "lost user_created id-1 events null"]);
});

test("an event whose poster learns of its failure is not lost", async () => {
  const { publisher, producer, counts } = startPublisher();
  const receipt = publisher.one(BODY, USER, LONG);
  producer.settle({ error: REJECTED });
  expect(await receipt).toMatchObject({ status: "failed" });
  expect(counts()).toMatchObject({ failed: 1, lost: 0 });
});

test("of posts that waited in vain, or are promised, nothing stays that leads to their callers", async () => {
  const { publisher, producer } = startPublisher();
  const told = () => {};
  async function post(wait: Wait): Promise<WeakRef<object>[]> {
    const caller = { signal: new AbortController().signal };
    const request = {};
    const watch = { taken: () => void Object.keys(request), settled: told };
    await publisher.one(BODY, USER, wait, caller, watch);
    return [new WeakRef(caller), new WeakRef(request)];
  }
  const refs: WeakRef<object>[] = [];
  for (let count = 0; count < 20; count++) refs.push(...(await post(1)), ...(await post("no")));
  await Bun.sleep(20);
  Bun.gc(true);
  // What lies on the stack, or looks as if it did, stays as well.
  expect(producer.held).toHaveLength(40);
  expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(20);
});
