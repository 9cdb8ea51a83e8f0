import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { checkProperty, COLUMNS, eventCore, REFUSED } from "../../../src/infrastructure/kafka/core.ts";
import { waitUntil } from "../../helpers/wait.ts";
import { bytes, configured, never } from "../../native/posts.ts";
import { openProducer } from "../../native/support.ts";

const { ERRORS } = RdKafka.CODES;

test("an event is produced, and its report brings back what was given along", async () => {
  await using open = await openProducer();
  const core = configured(open);
  const waiting = { mine: true };
  const id = core.produceEvent(bytes({ data: 1, key: "k" }), 1, waiting);
  expect(id).toStartWith("order_created_");
  expect(core.queued().messages).toBe(1);
  core.handOver();
  const [report] = await open.reported(1);
  expect(report).toMatchObject({ error: null, topic: "orders", key: Buffer.from("k") });
  expect(report?.opaque).toBe(waiting);
});

test("what is not taken is told apart, and leaves nothing behind", async () => {
  await using open = await openProducer();
  const core = configured(open, { maxMessages: 2 });
  const event = { type: "user", data: 1 };
  expect(core.produceEvent(Buffer.from("{"), 0, {})).toBe(REFUSED.malformed);
  expect(core.produceEvent(bytes({}), 0, {})).toBe(REFUSED.invalid);
  expect(core.produceBatch(Buffer.from("["), false, never)).toBe(REFUSED.malformed);
  expect(core.produceBatch(bytes([event, {}]), false, never)).toBe(REFUSED.invalid);
  expect(core.produceBatch(bytes([event, event, event]), false, never)).toBe(REFUSED.tooMuch);
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
});

test("a batch that will find room later is told from one that never will", async () => {
  await using open = await openProducer({ "linger.ms": 60_000 });
  const core = configured(open, { maxMessages: 2 });
  const event = { type: "user", data: 1 };
  core.produceEvent(bytes({ data: 1 }), 0, {});
  expect(core.produceBatch(bytes([event, event]), false, never)).toBe(REFUSED.noRoom);
  expect(core.produceBatch(bytes([event, event, event]), false, never)).toBe(REFUSED.tooMuch);
  expect(core.queued().messages).toBe(1);
});

test("a malformed body is remembered by where it breaks", async () => {
  await using open = await openProducer();
  const core = configured(open);
  core.produceEvent(Buffer.from('{"data":1,}'), 0, {});
  expect(core.brokenAt()).toBe(10);
  core.produceBatch(Buffer.from("[1 2]"), false, never);
  expect(core.brokenAt()).toBe(3);
});

test("a batch has an id and a row for each event, and is done once", async () => {
  await using open = await openProducer();
  const core = configured(open);
  const events = [
    { type: "user", data: 1 },
    { type: "order", data: 2 },
  ];
  const done = Promise.withResolvers<void>();
  let calls = 0;
  const batch = core.produceBatch(bytes(events), false, () => {
    calls++;
    done.resolve();
  });
  if (typeof batch === "number") throw new Error(`refused with ${batch}`);
  expect(String(batch.ids)).toMatch(/^user_created_\S+\norder_created_\S+\n$/);
  expect(batch.table).toHaveLength(2 * COLUMNS);
  expect([batch.table[0], batch.table[COLUMNS]]).toEqual([Number.NaN, Number.NaN]);
  expect(core.queued()).toEqual({ messages: 2, bytes: expect.any(Number) });
  await done.promise;
  expect([...batch.table]).toEqual([
    0,
    0,
    expect.any(Number),
    0,
    expect.any(Number),
    0,
    1,
    expect.any(Number),
    0,
    expect.any(Number),
  ]);
  expect(calls).toBe(1);
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
});

test("ids of the poster's own may hold anything, so they come as a list", async () => {
  await using open = await openProducer();
  const core = configured(open);
  const done = Promise.withResolvers<void>();
  const lines = ['{"type":"user","data":1,"id":"a\\nb"}', '{"type":"user","data":1}'].join("\n");
  const batch = core.produceBatch(Buffer.from(lines), true, () => done.resolve());
  if (typeof batch === "number") throw new Error(`refused with ${batch}`);
  expect(batch.ids).toEqual(["a\nb", expect.stringMatching(/^user_created_/)]);
  await done.promise;
});

test("receipts that are wanted come rendered, as JSON.stringify would have them", async () => {
  await using open = await openProducer();
  const core = configured(open);
  const done = Promise.withResolvers<Uint8Array | undefined>();
  const events = [
    { type: "user", data: 1, id: 'a"\\\n\u0001\u20ac' },
    { type: "order", data: 2 },
  ];
  const batch = core.produceBatch(bytes(events), false, done.resolve, true);
  if (typeof batch === "number") throw new Error(`refused with ${batch}`);
  const { receipts } = JSON.parse(String(Buffer.from((await done.promise)!)));
  expect(receipts).toEqual(
    [0, 1].map((row) => ({
      status: "delivered",
      id: batch.ids[row],
      topic: expect.any(String),
      partition: batch.table[row * COLUMNS + 2],
      offset: batch.table[row * COLUMNS + 3],
      timestamp: batch.table[row * COLUMNS + 4],
    })),
  );
  expect(receipts[0].id).toBe(events[0]!.id);
});

test("receipts are not rendered where an event failed", async () => {
  await using open = await openProducer({ "linger.ms": 60_000 });
  const core = configured(open);
  const done = Promise.withResolvers<Uint8Array | undefined>();
  core.produceBatch(bytes([{ type: "user", data: 1 }]), false, done.resolve, true);
  core.purge();
  expect(await done.promise).toBeUndefined();
});

test("only what was taken and is not reported counts as queued, not the client's own events", async () => {
  await using open = await openProducer({
    "test.mock.num.brokers": 1,
    "statistics.interval.ms": 10,
  });
  const core = configured(open);
  open.producer.setPollInBackground(false);
  core.produceEvent(bytes({ data: 1 }), 0, {});
  core.handOver();
  await Bun.sleep(60);
  expect(core.queued().messages).toBe(1);
  open.producer.setPollInBackground(true);
  await open.reported(1);
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
});

test("a purge fails what is queued, single or in a batch", async () => {
  await using open = await openProducer({ "linger.ms": 60_000 });
  const core = configured(open);
  core.produceEvent(bytes({ data: 1 }), 0, {});
  const done = Promise.withResolvers<void>();
  const batch = core.produceBatch(bytes([{ type: "user", data: 1 }]), false, () => done.resolve());
  if (typeof batch === "number") throw new Error(`refused with ${batch}`);
  expect(core.purge()).toBe(0);
  const [[report]] = await Promise.all([open.reported(1), done.promise]);
  const purged: number[] = [ERRORS.ERR__PURGE_QUEUE, ERRORS.ERR__PURGE_INFLIGHT];
  expect(purged).toContain(report!.error!.code);
  expect(purged).toContain(batch.table[0]!);
  await waitUntil(
    () => (core.queued().messages === 0 ? true : undefined),
    5000,
    () => new Error("left behind"),
  );
});

test("codes have librdkafka's sentences", async () => {
  await using open = await openProducer();
  expect(eventCore(open.producer).errorText(ERRORS.ERR__QUEUE_FULL)).toBe("Local: Queue full");
});

test("a property is checked in librdkafka's own words", () => {
  expect(checkProperty("batch.size", "5000")).toBeUndefined();
  expect(checkProperty("batch.size", "large")).toBe('Invalid value for configuration property "batch.size"');
  expect(checkProperty("no.such.thing", "1")).toContain("No such configuration property");
});
