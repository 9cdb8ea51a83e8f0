import { afterAll, beforeAll, expect, test } from "bun:test";

import { outcomeAt, STORED } from "../../src/domain/outcomes.ts";
import type { EventCore } from "../../src/infrastructure/kafka/core.ts";
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

test("numbers go on where a new file knows lower ones, and none comes twice", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  post(core, 0);
  core.journal(true, 100);
  core.spill();
  post(core, 1);
  const chunks = core.takeChunks();
  const last = Math.max(...chunks.map(({ number }) => number));
  core.journal(true, 1);
  post(core, 2);
  expect(core.takeChunks()[0]?.number).toBeGreaterThan(last);
  core.journal(true, 2 * last);
  post(core, 3);
  expect(core.takeChunks()).toMatchObject([{ number: 2 * last }]);
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

test("a chunk that is settled in part says which, to the second who asks or at the end, and once", async () => {
  await using one = await open(await newTopic());
  const { core } = one;
  core.journal(true, 1);
  post(core, 1);
  core.handOver();
  await waitUntil(
    () => core.queued().messages === 0 || undefined,
    10_000,
    () => new Error("nothing was settled"),
  );
  // Held, so not settled.
  post(core, 2);
  post(core, 3);
  core.takeChunks();
  expect(core.takePartlySettled(false)).toEqual([]);
  const [part] = core.takePartlySettled(false);
  expect(part?.number).toBe(1);
  expect([0, 1, 2].map((index) => outcomeAt(part!.outcomes, index))).toMatchObject([
    { code: 0, offset: 0 },
    { code: STORED },
    { code: STORED },
  ]);
  expect(core.takePartlySettled(false)).toEqual([]);
  expect(core.takePartlySettled(true)).toMatchObject([{ number: 1 }]);
});

test("of a chunk that is settled in part the other part is replayed", async () => {
  const topic = await newTopic();
  let chunk: Chunk | undefined;
  {
    await using before = await open(topic, WAITING);
    before.core.journal(true, 1);
    for (const data of [1, 2, 3]) post(before.core, data);
    [chunk] = before.core.takeChunks();
  }
  const outcomes = Buffer.alloc(72);
  for (const [index, code] of [0, STORED, -196].entries()) {
    outcomes.writeDoubleLE(index + 70, 24 * index);
    outcomes.writeInt16LE(code, 24 * index + 20);
  }
  await using next = await open(topic);
  const { core } = next;
  core.addBehind(chunk!.keys);
  expect(core.replay(chunk!.bytes, 1, outcomes.subarray(0, 24))).toBeFalse();
  expect(core.replay(chunk!.bytes, 1, outcomes)).toBeTrue();
  expect(core.diskStatus().behind).toBe(0);
  const [done] = await settled(core);
  expect([0, 1, 2].map((index) => outcomeAt(done!.outcomes, index))).toMatchObject([
    { code: 0, offset: 70 },
    { code: 0, offset: 0 },
    { code: -196 },
  ]);
  const records = await consume(kafka.bootstrap, topic, { count: 1 });
  expect(records.map(({ value }) => JSON.parse(String(value)).data)).toEqual([2]);
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
  core.dropChunks([2], alone!.keys);
  core.dropChunks([4], core.takeChunks().find((chunk) => chunk.alone)!.keys);
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
  const [chunk, ...others] = core.takeChunks();
  expect(chunk).toMatchObject({ count: 2 });
  expect(others).toEqual([]);
  expect(core.diskStatus()).toMatchObject({ spilling: false });
  const number = chunk!.number;
  expect(number).toBeGreaterThanOrEqual(5);
  expect(core.findEvent(ids[0]!)).toEqual({ chunk: number });
  await Bun.sleep(20);
  const { age } = core.diskStatus();
  expect(age).toBeGreaterThanOrEqual(20);
  expect(age).toBeLessThan(60_000);
  core.dropChunks([number], Buffer.alloc(0));
  core.spill();
  expect(core.takeChunks()).toMatchObject([{ count: 2 }]);
});

test("much is spilled in parts, in order, in chunks of some size, each body in one, and before what is taken meanwhile", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  const text = "x".repeat(400_000);
  const old: string[] = [];
  for (let index = 0; index < 10; index++) {
    old.push(post(core, { index, text }));
    const both = [1, 2].map((part) => ({
      type: "order",
      id: `${index}-${part}`,
      data: { index, part, text },
    }));
    old.push(...sent(core, both).ids);
  }
  core.journal(true, 1);
  core.spill();
  const parts: Chunk[][] = [core.takeChunks()];
  const later = post(core, 0);
  while (core.diskStatus().spilling) parts.push(core.takeChunks());
  parts.push(core.takeChunks());
  const sizes = parts.map((chunks) => chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0));
  expect(sizes.length).toBeGreaterThan(2);
  expect(Math.max(...sizes)).toBeLessThan(6_000_000);
  expect(Math.max(...parts.flat().map((chunk) => chunk.bytes.length))).toBeLessThan(2_000_000);
  const chunkOf = (id: string): number => Number(Object.values(core.findEvent(id) ?? {})[0]);
  const numbers = old.map(chunkOf);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(numbers.every((number) => number > 0 && number < chunkOf(later))).toBeTrue();
  for (let index = 0; index < 10; index++) expect(numbers[3 * index + 1]).toBe(numbers[3 * index + 2]!);
  expect(parts.flat().reduce((sum, chunk) => sum + chunk.count, 0)).toBe(31);
});

test("of a spill that has begun, what is settled before its turn is left out, and nothing is when writing ends", async () => {
  const topic = await newTopic();
  await using one = await open(topic);
  const { core } = one;
  const text = "x".repeat(900_000);
  const ids = Array.from({ length: 8 }, (_, index) => post(core, { index, text }));
  core.journal(true, 1);
  core.spill();
  expect(core.takeChunks().length).toBeGreaterThan(0);
  core.handOver();
  await waitUntil(
    () => (core.queued().messages === 0 ? true : undefined),
    20_000,
    () => new Error("not delivered"),
  );
  expect(core.diskStatus()).toMatchObject({ spilling: false });
  expect(core.takeChunks()).toEqual([]);
  expect(core.findEvent(ids[7]!)).toMatchObject({ code: 0 });
  core.journal(false);
  for (let index = 0; index < 8; index++) post(core, { index, text });
  core.journal(true);
  core.spill();
  core.journal(false);
  expect(core.takeChunks()).toEqual([]);
});

test("what could not be written is written under its old number, before what was taken meanwhile", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  core.journal(true, 1);
  const numbers: number[] = [];
  for (const data of [1, 2, 3]) {
    post(core, data, { key: "k" });
    numbers.push(...core.takeChunks().map(({ number }) => number));
  }
  const [first, second, third] = numbers as [number, number, number];
  core.dropChunks([second], Buffer.alloc(0));
  core.dropChunks([first], Buffer.alloc(0));
  core.spill();
  expect(core.takeChunks()).toMatchObject([
    { number: first, count: 1 },
    { number: second, count: 1 },
  ]);
  post(core, 4, { key: "k" });
  const [last] = core.takeChunks();
  expect(last!.number).toBeGreaterThan(third);
});

test("a spill that was broken off goes on under numbers that keep the order, whatever was written meanwhile and was not", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  const text = "x".repeat(900_000);
  const ids: string[] = [];
  const take = (count: number) => {
    for (let data = 0; data < count; data++) ids.push(post(core, { data, text }));
  };
  take(12);
  core.journal(true, 1);
  core.spill();
  const part = core.takeChunks();
  expect(core.diskStatus().spilling).toBeTrue();
  take(1);
  core.takeChunks();
  for (const { number } of part) core.dropChunks([number], Buffer.alloc(0));
  core.journal(false);
  take(3);
  core.journal(true);
  core.spill();
  take(1);
  while (core.diskStatus().spilling) core.takeChunks();
  core.takeChunks();
  const numbers = ids.map((id) => Number(Object.values(core.findEvent(id) ?? {})[0]));
  expect(numbers.every((number) => number > 0)).toBeTrue();
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

test("of a chunk that is written again no part is written alone, however much there is, and what is replayed lies between", async () => {
  const topic = await newTopic();
  let elsewhere: Chunk | undefined;
  {
    await using before = await open(topic, WAITING);
    before.core.journal(true, 5000);
    post(before.core, "elsewhere".split(""));
    [elsewhere] = before.core.takeChunks();
  }
  await using one = await open(topic, WAITING);
  const { core } = one;
  core.journal(true, 1);
  const text = "x".repeat(10_000);
  const written: number[] = [];
  for (let data = 0; data < 1000; data++) {
    post(core, { data, text });
    if (data === 50) {
      core.addBehind(elsewhere!.keys);
      core.replay(elsewhere!.bytes, 5000);
    }
    if (data % 300 === 299) written.push(...core.takeChunks().map(({ number }) => number));
  }
  written.push(...core.takeChunks().map(({ number }) => number));
  core.dropChunks([...written, 5000], Buffer.alloc(0));
  core.spill();
  const again: Chunk[] = [];
  do again.push(...core.takeChunks());
  while (core.diskStatus().spilling);
  const numbers = again.map(({ number }) => number);
  expect(numbers.toSorted((a, b) => a - b)).toEqual([...written, 5000].toSorted((a, b) => a - b));
  expect(again.reduce((sum, { count }) => sum + count, 0)).toBe(1001);
});

test("so does one that is broken off twice", async () => {
  await using one = await open(await newTopic(), WAITING);
  const { core } = one;
  const ids: string[] = [];
  const text = "x".repeat(900_000);
  const take = (count: number) => {
    for (let data = 0; data < count; data++) ids.push(post(core, { data, text }));
  };
  take(12);
  for (let times = 0; times < 2; times++) {
    core.journal(true, 1);
    core.spill();
    core.takeChunks();
    take(1);
    core.takeChunks();
    core.journal(false);
    take(12);
  }
  core.journal(true);
  core.spill();
  do core.takeChunks();
  while (core.diskStatus().spilling);
  const numbers = ids.map((id) => Number(Object.values(core.findEvent(id) ?? {})[0]));
  expect(numbers.every((number) => number > 0)).toBeTrue();
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
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
