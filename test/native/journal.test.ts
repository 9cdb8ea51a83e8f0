import { afterAll, beforeAll, expect, test } from "bun:test";

import { type EventCore, STORED } from "../../src/infrastructure/kafka/core.ts";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { waitUntil } from "../helpers/wait.ts";
import { bytes, configured, OPTIONS, sent } from "./posts.ts";
import { openProducer } from "./support.ts";

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, 90_000);
afterAll(() => kafka[Symbol.asyncDispose]());

type Chunk = ReturnType<EventCore["takeChunks"]>[number];

/** A producer of posts on a topic, or on one that no broker has. */
async function open(topic: string, broker = kafka.bootstrap, limits: Partial<typeof OPTIONS> = {}) {
  const opened = await openProducer(
    broker === kafka.bootstrap
      ? { "test.mock.num.brokers": 0, "bootstrap.servers": broker, "enable.idempotence": true }
      : { "linger.ms": 60_000 },
  );
  const events = OPTIONS.events.map(({ type }) => ({ type, topic }));
  const core = configured(opened, { maxMessages: 10_000, maxBytes: 100_000_000, ...limits, events });
  return { core, opened, [Symbol.asyncDispose]: opened[Symbol.asyncDispose] };
}

async function newTopic(): Promise<string> {
  const topic = `journal-${crypto.randomUUID()}`;
  await kafka.createTopic(topic);
  return topic;
}

const WAITING = "nobody";
const post = (core: EventCore, data: unknown, more: object = {}, promised = true) =>
  String(core.produceEvent(bytes({ data, ...more }), 0, {}, promised));
const settled = (core: EventCore) =>
  waitUntil(
    () => {
      const chunks = core.takeSettled();
      return chunks.length > 0 ? chunks : undefined;
    },
    10_000,
    () => new Error("no chunk was settled"),
  );

test("what is taken while the journal is on is in its chunk as well, in order, and can be given to another producer", async () => {
  const topic = await newTopic();
  let chunk: Chunk | undefined;
  const ids: string[] = [];
  {
    await using before = await open(topic, WAITING);
    const { core } = before;
    core.journal(true, 7);
    ids.push(post(core, 1, { key: "k", headers: { a: "ä" } }), post(core, null));
    ids.push(...sent(core, [{ type: "order", data: [3], id: "own id" }]).ids);
    const chunks = core.takeChunks();
    expect(chunks).toMatchObject([{ number: 7, count: 3, alone: false }]);
    expect(core.takeChunks()).toEqual([]);
    [chunk] = chunks;
  }
  expect(chunk?.keys).toHaveLength(12);
  expect(chunk?.ids).toHaveLength(24);
  await using next = await open(topic);
  next.core.addBehind(chunk!.keys);
  expect(next.core.diskStatus()).toMatchObject({ behind: 3 });
  expect(next.core.replay(chunk!.bytes, 7)).toBeTrue();
  expect(next.core.diskStatus()).toMatchObject({ behind: 0 });
  const records = await consume(kafka.bootstrap, topic, { count: 3 });
  expect(records.map(({ value }) => JSON.parse(String(value)))).toMatchObject([
    { id: ids[0], type: "user_created", data: 1 },
    { id: ids[1], type: "user_created", data: null },
    { id: "own id", type: "order_created", data: [3] },
  ]);
  expect(records[0]?.key?.toString()).toBe("k");
  expect(records[0]?.headers.map(([name, value]) => [name, String(value)])).toContainEqual(["a", "ä"]);
  expect(await settled(next.core)).toMatchObject([{ number: 7, replayed: true }]);
});

test("bytes that are no records, or cut off, are refused as a whole", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  core.journal(true, 1);
  post(core, 1);
  post(core, 2);
  const [chunk] = core.takeChunks();
  const { bytes: records } = chunk!;
  for (const broken of [
    records.subarray(0, -1),
    records.subarray(1),
    Buffer.alloc(3),
    Buffer.alloc(100, 255),
  ]) {
    const before = core.queued();
    expect(core.replay(Buffer.from(broken), 9)).toBeFalse();
    expect(core.queued()).toEqual(before);
  }
});

test("a chunk is settled with its last event, and says where each is", async () => {
  const topic = await newTopic();
  await using one = await open(topic);
  const { core } = one;
  core.journal(true, 1);
  const ids = [post(core, 1), post(core, 2)];
  core.takeChunks();
  core.handOver();
  const [chunk] = await settled(core);
  expect(chunk).toMatchObject({ number: 1, replayed: false });
  const view = new DataView(chunk!.outcomes.buffer, chunk!.outcomes.byteOffset, 48);
  expect([view.getFloat64(0, true), view.getFloat64(24, true)]).toEqual([0, 1]);
  expect([view.getInt16(20, true), view.getInt16(44, true)]).toEqual([0, 0]);
  expect(core.findEvent(ids[1]!)).toMatchObject({ code: 0, topic, partition: 0, offset: 1 });
  expect(core.findEvent("nobody's")).toBeUndefined();
  expect(core.takeSettled()).toEqual([]);
});

test("what memory does not hold goes to disk alone, and what has its key follows it there", async () => {
  await using one = await open(await newTopic(), WAITING, { maxMessages: 4 });
  const { core } = one;
  core.journal(true, 1);
  const went = (data: number, key?: string): boolean => {
    post(core, data, key === undefined ? {} : { key });
    return core.wentToDisk();
  };
  expect([went(1, "a"), went(2), went(3), went(4), went(5, "b")]).toEqual([false, false, false, false, true]);
  const [inMemory, alone] = core.takeChunks();
  expect([inMemory, alone]).toMatchObject([
    { number: 1, count: 4, alone: false },
    { number: 2, count: 1, alone: true },
  ]);
  core.purge();
  await waitUntil(
    () => core.queued().messages === 0 || undefined,
    5000,
    () => new Error("the queue is not empty"),
  );
  expect([went(6, "b"), went(7, "c"), went(8)]).toEqual([true, false, false]);
  core.dropChunk(2, alone!.keys);
  core.dropChunk(4, core.takeChunks().find((chunk) => chunk.alone)!.keys);
  expect(core.diskStatus().behind).toBe(0);
  expect(went(9, "b")).toBeFalse();
});

test("a spill writes what is in no chunk yet, once", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  const ids = [post(core, 1), post(core, 2)];
  expect(core.findEvent(ids[0]!)).toEqual({ chunk: 0 });
  core.journal(true, 5);
  core.spill();
  core.spill();
  expect(core.takeChunks()).toMatchObject([{ number: 5, count: 2 }]);
  expect(core.findEvent(ids[0]!)).toEqual({ chunk: 5 });
  await Bun.sleep(20);
  const { age } = core.diskStatus();
  expect(age).toBeGreaterThanOrEqual(20);
  expect(age).toBeLessThan(60_000);
  core.dropChunk(5, Buffer.alloc(0));
  core.spill();
  expect(core.takeChunks()).toMatchObject([{ count: 2 }]);
});

test("who waits for an event on disk is told that it is there when all else is given up", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core, opened } = one;
  core.produceEvent(bytes({ data: 1 }), 0, "kept");
  core.handOver();
  core.journal(true, 1);
  core.spill();
  core.takeChunks();
  core.journal(false);
  core.produceEvent(bytes({ data: 2 }), 0, "given up");
  core.handOver();
  core.purge();
  const reports = await opened.reported(2);
  expect(new Map(reports.map(({ opaque, error }) => [opaque, error?.code]))).toEqual(
    new Map([
      ["kept", STORED],
      ["given up", -152],
    ]),
  );
  expect(core.takeSettled()).toEqual([]);
});

test("a promised event that Kafka refuses for good is put aside as a record; one whose poster is told is not", async () => {
  const topic = `journal-compacted-${crypto.randomUUID()}`;
  await kafka.createTopic(topic, 1, { "cleanup.policy": "compact" });
  await using one = await open(topic);
  const { core, opened } = one;
  core.journal(true, 1);
  const id = post(core, 1, {}, true);
  core.handOver();
  await opened.reported(1);
  post(core, 2, {}, false);
  core.handOver();
  await opened.reported(2);
  const refused = core.takeRefused();
  expect(refused).toMatchObject([{ id: core.hashOf(id), code: opened.reports[0]?.error?.code }]);
  expect(String(Buffer.from(refused[0]!.bytes))).toContain(id);
});
