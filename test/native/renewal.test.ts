import { afterAll, beforeAll, expect, test } from "bun:test";

import type { EventCore } from "../../src/infrastructure/kafka/core.ts";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { bytes, configured, OPTIONS, sent } from "./posts.ts";
import { called, openProducer, rejected } from "./support.ts";

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, 90_000);
afterAll(() => kafka[Symbol.asyncDispose]());

const renewed = (core: EventCore) => called<void>((done) => core.renew(done));

/** An idempotent producer of posts on a topic of its own. */
async function open(config: Record<string, unknown> = {}) {
  const topic = `renewal-${crypto.randomUUID()}`;
  await kafka.createTopic(topic);
  const opened = await openProducer({
    "test.mock.num.brokers": 0,
    "bootstrap.servers": kafka.bootstrap,
    "enable.idempotence": true,
    "message.timeout.ms": 0,
    ...config,
  });
  const core = configured(opened, {
    maxMessages: 10_000,
    maxBytes: 100_000_000,
    events: OPTIONS.events.map(({ type }) => ({ type, topic })),
  });
  const found = async (count?: number) => {
    const records = await consume(kafka.bootstrap, topic, count === undefined ? {} : { count });
    return records.map(({ value }) => JSON.parse(String(value)).data);
  };
  return { ...opened, core, found, [Symbol.asyncDispose]: opened[Symbol.asyncDispose] };
}

const post = (core: EventCore, data: number) => core.produceEvent(bytes({ data, key: "k" }), 0, data);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("what a failed client had arrives through the next one: all of it, once, in order", async () => {
  await using opened = await open({ "linger.ms": 300 });
  const { core } = opened;
  for (const data of numbers(0, 100)) post(core, data);
  core.handOver();
  const batch = sent(
    core,
    numbers(100, 150).map((data) => ({ type: "user", data, key: "k" })),
  );
  core.failForTests();
  const done = renewed(core);
  for (const data of numbers(150, 200)) post(core, data);
  core.handOver();
  await done;
  for (const data of numbers(200, 250)) post(core, data);
  core.handOver();
  const reports = await opened.reported(200);
  expect(reports.map(({ error }) => error)).toEqual(Array.from({ length: 200 }, () => null));
  expect(reports.map(({ opaque }) => opaque)).toEqual([...numbers(0, 100), ...numbers(150, 250)]);
  await batch.done;
  expect(await opened.found(250)).toEqual(numbers(0, 250));
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
});

test("a client that failed under load loses nothing and keeps the order, again and again", async () => {
  await using opened = await open();
  const { core } = opened;
  let data = 0;
  for (let round = 0; round < 5; round++) {
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 50; i++) post(core, data++);
      core.handOver();
      await Bun.sleep(1);
    }
    core.failForTests();
    await renewed(core);
  }
  const reports = await opened.reported(data);
  expect(reports.filter(({ error }) => error !== null)).toEqual([]);
  const found: number[] = await opened.found();
  // What was on the wire may be there twice; the first of each comes in order.
  expect([...new Set(found)]).toEqual(numbers(0, data));
  expect(found.length).toBeLessThan(data * 1.5);
});

test("who disconnects while a client is replaced is answered, and so is the renewal", async () => {
  await using opened = await open();
  const { core, producer } = opened;
  core.failForTests();
  const renewal = rejected(renewed(core));
  post(core, 1);
  await called((done) => producer.disconnect(1000, done));
  expect((await renewal)?.message).toBeString();
});

test("only a connected producer of posts can be renewed, and once at a time", async () => {
  await using opened = await open();
  expect(() => opened.core.renew(undefined as never)).toThrow("callback");
  opened.core.failForTests();
  const done = renewed(opened.core);
  expect(() => opened.core.renew(() => {})).toThrow("Only a connected producer");
  await done;
});
