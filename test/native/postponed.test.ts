import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";

import { outcomeAt, STORED } from "../../src/domain/outcomes.ts";
import { COLUMNS, type EventCore, type EventOptions } from "../../src/infrastructure/kafka/core.ts";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { waitUntil } from "../helpers/wait.ts";
import { bytes, configured, OPTIONS } from "./posts.ts";
import { called, openProducer } from "./support.ts";

setDefaultTimeout(60_000);

let kafka: Kafka;
beforeAll(async () => {
  kafka = await startKafka({ properties: { "auto.create.topics.enable": "false" } });
});
afterAll(() => kafka[Symbol.asyncDispose]());

/** librdkafka says the one and a broker the other. */
const DENIALS = [-188, 3];
const DENIED_SOON = { "topic.metadata.propagation.max.ms": 100 };

/** A producer of posts on a topic that is not there: "user" and "order" go to it, and "other" to one that is. */
async function open(options: Partial<EventOptions> = {}) {
  const topic = `not-there-${crypto.randomUUID()}`;
  const there = `there-${crypto.randomUUID()}`;
  await kafka.createTopic(there);
  const opened = await openProducer({
    "test.mock.num.brokers": 0,
    "bootstrap.servers": kafka.bootstrap,
    "enable.idempotence": true,
    "message.timeout.ms": 0,
    ...DENIED_SOON,
  });
  const core = configured(opened, {
    maxMessages: 10_000,
    maxBytes: 100_000_000,
    ...options,
    scan: { ...OPTIONS.scan, types: ["user", "order", "other"] },
    events: [...OPTIONS.events.map(({ type }) => ({ type, topic })), { type: "other", topic: there }],
  });
  const trying = setInterval(() => core.tryAgain(RETRY_MS), RETRY_MS);
  return {
    ...opened,
    core,
    topic,
    there,
    stopTrying: () => clearInterval(trying),
    async [Symbol.asyncDispose]() {
      clearInterval(trying);
      await opened[Symbol.asyncDispose]();
    },
  };
}

const RETRY_MS = 200;

const USER = 0;
const ORDER = 1;
const OTHER = 2;
const promise = (core: EventCore, data: unknown, type = USER): string =>
  String(core.produceEvent(bytes({ data, key: "k" }), type, data, true));
const wait = (core: EventCore, data: unknown, type = USER) =>
  core.produceEvent(bytes({ data, key: "k" }), type, data, false);

const postponed = (core: EventCore, count: number) =>
  waitUntil(
    () => (core.postponed()[0]?.events === count ? true : undefined),
    20_000,
    () => new Error(`postponed: ${JSON.stringify(core.postponed())}`),
  );
const empty = (core: EventCore) =>
  waitUntil(
    () => (core.queued().messages === 0 ? true : undefined),
    20_000,
    () => new Error(`queued: ${JSON.stringify(core.queued())}`),
  );
const found = async (topic: string, count: number): Promise<unknown[]> => {
  const records = await consume(kafka.bootstrap, topic, { count });
  return records.map(({ value }) => JSON.parse(String(value)).data);
};

test("promised events wait for a topic that Kafka denies, and come in the order taken when it is there", async () => {
  await using opened = await open();
  const { core, topic } = opened;
  core.journal(true, 1);
  promise(core, 1);
  promise(core, 2, ORDER);
  promise(core, 3);
  core.handOver();
  await postponed(core, 3);
  const batch = bytes([4, 5].map((data) => ({ type: "user", data, key: "k" })));
  const done = Promise.withResolvers<unknown>();
  const taken = core.produceBatch(batch, false, done.resolve, false, true);
  await postponed(core, 5);
  expect(core.postponed()).toMatchObject([{ topic }]);
  expect(opened.reports).toEqual([]);
  await kafka.createTopic(topic);
  await done.promise;
  expect(Array.from((taken as { table: Float64Array }).table).filter((_, at) => at % COLUMNS === 0)).toEqual([
    0, 0,
  ]);
  await empty(core);
  promise(core, 6);
  core.handOver();
  expect(await found(topic, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(core.postponed()).toEqual([]);
  expect(core.takeRefused()).toEqual([]);
});

test("meanwhile no post for the topic is taken, and events of other topics go on", async () => {
  await using opened = await open();
  const { core, there, stopTrying } = opened;
  core.journal(true, 1);
  promise(core, 1);
  expect(wait(core, 2)).toBeString();
  core.handOver();
  await postponed(core, 1);
  stopTrying();
  for (const post of [promise, wait]) expect(DENIALS).toContain(Number(post(core, 3)));
  expect(core.wentToDisk()).toBeFalse();
  expect(wait(core, 4, OTHER)).toBeString();
  core.handOver();
  const reports = await opened.reported(2);
  const codes = new Map(reports.map(({ opaque, error }) => [opaque, error?.code ?? 0]));
  expect(DENIALS).toContain(codes.get(2)!);
  expect(codes.get(4)).toBe(0);
  expect(await found(there, 1)).toEqual([4]);
  expect(core.postponed()).toMatchObject([{ events: 1 }]);
});

test("an event whose poster has waited long enough is promised, and waits as well", async () => {
  await using opened = await open();
  const { core, topic } = opened;
  core.journal(true, 1);
  const ids = [1, 2, 3].map((data) => String(wait(core, data)));
  core.promise([ids[2]!, "nobody's", ids[0]!]);
  core.handOver();
  await postponed(core, 2);
  expect((await opened.reported(1)).map(({ opaque }) => opaque)).toEqual([2]);
  await kafka.createTopic(topic);
  await empty(core);
  expect(await found(topic, 2)).toEqual([1, 3]);
});

test("after a while they are refused for good, in the order taken, and later ones with the first denial", async () => {
  await using opened = await open({ patience: 1500 });
  const { core } = opened;
  core.journal(true, 1);
  const ids = [1, 2, 3].map((data) => promise(core, data));
  core.handOver();
  await empty(core);
  const refused = core.takeRefused();
  expect(refused.every(({ code }) => DENIALS.includes(code))).toBeTrue();
  expect(refused.map(({ id }) => Buffer.from(id))).toEqual(ids.map((id) => Buffer.from(core.hashOf(id))));
  promise(core, 4);
  core.handOver();
  await empty(core);
  expect(core.postponed()).toEqual([]);
});

test("a topic that is there again has all its time for the next denial", async () => {
  await using opened = await open({ patience: 2500 });
  const { core, topic } = opened;
  core.journal(true, 1);
  promise(core, 1);
  core.handOver();
  await postponed(core, 1);
  await kafka.createTopic(topic);
  await empty(core);
  await kafka.deleteTopic(topic);
  await Bun.sleep(2500);
  promise(core, 2);
  core.handOver();
  await postponed(core, 1);
  await kafka.createTopic(topic);
  await empty(core);
  expect(core.takeRefused()).toEqual([]);
  expect(await found(topic, 1)).toEqual([2]);
});

test("at the end those on disk stay there, and the others are told why", async () => {
  await using opened = await open();
  const { core } = opened;
  promise(core, 1);
  core.journal(true, 1);
  promise(core, 2);
  core.handOver();
  await postponed(core, 2);
  expect(core.takeChunks()).toMatchObject([{ count: 1 }]);
  core.purge();
  const reports = await opened.reported(2);
  expect(reports.map(({ opaque }) => opaque)).toEqual([1, 2]);
  expect(DENIALS).toContain(reports[0]!.error!.code);
  expect(reports[1]!.error!.code).toBe(STORED);
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
  expect(core.takeRefused()).toHaveLength(1);
  expect(core.takeSettled()).toEqual([]);
});

test("a client that is renewed meanwhile gets them as well", async () => {
  await using opened = await open();
  const { core, topic } = opened;
  core.journal(true, 1);
  for (const data of [1, 2]) promise(core, data);
  core.handOver();
  await postponed(core, 2);
  core.failForTests();
  await called<void>((done) => core.renew(done));
  await kafka.createTopic(topic);
  await empty(core);
  expect(await found(topic, 2)).toEqual([1, 2]);
  const [chunk] = [...core.takeChunks(), ...core.takeSettled()];
  expect(chunk).toBeDefined();
});

test("of those in memory alone no more wait than leave room for the events of other topics", async () => {
  const text = "x".repeat(10_000);
  await using few = await open({ maxBytes: 100_000 });
  for (let index = 0; index < 3; index++) promise(few.core, { index, text });
  few.core.handOver();
  await using many = await open({ maxBytes: 100_000 });
  for (let index = 0; index < 8; index++) promise(many.core, { index, text });
  many.core.handOver();
  await postponed(few.core, 3);
  const reports = await many.reported(4);
  expect(reports.every(({ error }) => DENIALS.includes(error!.code))).toBeTrue();
  expect(many.core.postponed()[0]?.events ?? 0).toBeLessThanOrEqual(4);
});

test("a promised batch for such a topic is refused as a whole when memory is half full", async () => {
  await using opened = await open({ maxBytes: 100_000 });
  const { core, stopTrying } = opened;
  core.journal(true, 1);
  const events = (count: number) =>
    bytes(Array.from({ length: count }, () => ({ type: "user", data: "x".repeat(2).split("") })));
  const batch = (count: number) => core.produceBatch(events(count), false, () => {}, false, true);
  promise(core, { text: "x".repeat(30_000) });
  core.handOver();
  await postponed(core, 1);
  stopTrying();
  expect(batch(10)).toBeObject();
  await postponed(core, 11);
  promise(core, { text: "x".repeat(20_000) }, OTHER);
  const before = core.queued();
  expect(DENIALS).toContain(Number(batch(10)));
  expect(core.queued()).toEqual(before);
});

test("the time in which no broker could tell does not count", async () => {
  await using opened = await open({ patience: 1000 });
  const { core, stopTrying } = opened;
  core.journal(true, 1);
  promise(core, 1);
  core.handOver();
  await postponed(core, 1);
  stopTrying();
  for (let tries = 0; tries < 10; tries++) {
    core.tryAgain(0);
    await Bun.sleep(150);
  }
  await postponed(core, 1);
  const until = () => {
    core.tryAgain(500);
    return core.postponed().length === 0 && core.queued().messages === 0 ? true : undefined;
  };
  await waitUntil(until, 10_000, () => new Error("still postponed"));
  expect(core.takeRefused()).toHaveLength(1);
});

test("what is given up or delivered later is told as the end of its chunk", async () => {
  await using opened = await open();
  const { core, topic } = opened;
  core.journal(true, 1);
  promise(core, 1);
  core.handOver();
  await postponed(core, 1);
  expect(core.takeChunks()).toHaveLength(1);
  expect(core.takeSettled()).toEqual([]);
  await kafka.createTopic(topic);
  await empty(core);
  const [chunk] = core.takeSettled();
  expect(outcomeAt(chunk!.outcomes, 0)).toMatchObject({ code: 0, offset: 0 });
});
