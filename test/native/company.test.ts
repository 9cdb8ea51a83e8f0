import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { waitUntil } from "../helpers/wait.ts";
import { type Linked, startLinked } from "./linked.ts";
import { openProducer } from "./support.ts";

// Kafka refuses batches: for their size, or for an invalid record in them. The other events of such a batch are as good as
// any, and must be in Kafka once, in their order.

setDefaultTimeout(60_000);

const { ERRORS } = RdKafka.CODES;
const LIMIT = 4000;

let linked: Linked;
beforeAll(async () => {
  linked = await startLinked();
});
afterAll(() => linked[Symbol.asyncDispose]());

/** A producer behind the link that lingers, and has a topic with these settings. */
async function openFresh(topicConfig: Record<string, string>, on: Linked = linked) {
  const { kafka, link, bootstrap } = on;
  const topic = `company-${crypto.randomUUID()}`;
  await kafka.createTopic(topic, 1, topicConfig);
  const opened = await openProducer({
    "test.mock.num.brokers": 0,
    "bootstrap.servers": bootstrap,
    "enable.idempotence": true,
    "linger.ms": 100,
    "batch.num.messages": 1_000_000,
    "queue.buffering.max.messages": 100_000,
    "reconnect.backoff.max.ms": 100,
  });
  const sent: string[] = [];
  const send = (text: string, key: string | null = "k") => {
    sent.push(text);
    opened.producer.produce(topic, 0, Buffer.from(text), key, null, text);
  };
  return {
    ...opened,
    topic,
    link,
    sent,
    send,
    /** What failed, with its code. */
    failed: async () => {
      const all = () => (opened.reports.length >= sent.length ? opened.reports : undefined);
      const reports = await waitUntil(all, 45_000, () => new Error(`${opened.reports.length} reports came`));
      return reports.filter(({ error }) => error !== null).map(({ opaque, error }) => [opaque, error?.code]);
    },
    written: async () => {
      const records = await consume(kafka.bootstrap, topic);
      expect(opened.reports).toHaveLength(sent.length); // and none twice
      return records.map(({ value }) => String(value));
    },
    /** Resolves with the next answer, which is held, and its code. */
    nextHeld: async () => {
      const answer = () => link.held.shift();
      return waitUntil(answer, 20_000, () => new Error("the broker did not answer"));
    },
    [Symbol.asyncDispose]: async () => {
      link.produce = "pass";
      link.reset();
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** The same, and it has written "first": Kafka knows it. */
async function open(topicConfig: Record<string, string>, on: Linked = linked) {
  const opened = await openFresh(topicConfig, on);
  opened.send("first");
  await opened.reported(1);
  return opened;
}

const noise = (bytes: number) =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64");
const isLarge = (text: string) => text.length > LIMIT;

test("small events whose batch is larger than their topic takes are written, those that are too large alone are refused", async () => {
  await using opened = await open({ "max.message.bytes": String(LIMIT) });
  for (let i = 0; i < 2000; i++) opened.send(`${i} ${noise(i % 500 === 0 ? LIMIT : i % 300)}`);
  const large = opened.sent.filter(isLarge);
  expect(large).toHaveLength(4);
  expect(await opened.failed()).toEqual(large.map((text) => [text, ERRORS.ERR_MSG_SIZE_TOO_LARGE]));
  expect(await opened.written()).toEqual(opened.sent.filter((text) => !isLarge(text)));
});

test("what a topic takes is found out once: no batch that comes later is refused", async () => {
  await using opened = await open({ "max.message.bytes": String(LIMIT) });
  const { link, sent } = opened;
  const refusals = async (count: number): Promise<number> => {
    link.produce = "hold";
    for (let i = 0; i < count; i++) opened.send(noise(200));
    let refused = 0;
    while (opened.reports.length < sent.length) {
      for (const answer of link.held.splice(0)) {
        if (answer.code !== 0) refused++;
        answer.pass();
      }
      await Bun.sleep(1);
    }
    return refused;
  };
  expect(await refusals(2000)).toBeGreaterThan(3);
  expect(await refusals(2000)).toBe(0);
  expect(await opened.failed()).toEqual([]);
});

test("nothing is sent behind a batch that may be refused while Kafka does not know the producer, and takes any sequence", async () => {
  await using opened = await openFresh({ "max.message.bytes": String(LIMIT) });
  const { link } = opened;
  link.produce = "hold";
  for (let i = 0; i < 3; i++) opened.send(`${i} ${noise(2000)}`);
  const refused = await opened.nextHeld();
  expect(refused.code).toBe(ERRORS.ERR_MSG_SIZE_TOO_LARGE);
  opened.send("behind");
  await Bun.sleep(300);
  expect(link.held).toEqual([]);
  link.produce = "pass";
  refused.pass();
  expect(await opened.failed()).toEqual([]);
  expect(await opened.written()).toEqual(opened.sent);
});

test("what was refused is not confirmed by what Kafka wrote behind it, having forgotten the producer", async () => {
  const forgetful = { "producer.id.expiration.ms": "200", "producer.id.expiration.check.interval.ms": "200" };
  await using on = await startLinked(forgetful);
  await using opened = await open({ "max.message.bytes": String(LIMIT) }, on);
  const { link } = opened;
  await Bun.sleep(3000);
  link.produce = "hold";
  for (let i = 0; i < 3; i++) opened.send(`${i} ${noise(2000)}`);
  const refused = await opened.nextHeld();
  expect(refused.code).toBe(ERRORS.ERR_MSG_SIZE_TOO_LARGE);
  opened.send("behind");
  const confirmed = await opened.nextHeld();
  expect(confirmed.code).toBe(0);
  link.produce = "pass";
  refused.pass();
  confirmed.pass();
  // The producer fails for good, since it has lost its place; what it has not written it does not claim.
  await opened.reported(2);
  opened.producer.flush(1000, () => {});
  await Bun.sleep(1000);
  const delivered = opened.reports.filter(({ error }) => error === null).map(({ opaque }) => opaque);
  const records = await consume(on.kafka.bootstrap, opened.topic);
  expect(records.map(({ value }) => String(value))).toEqual(delivered);
});

test.each([
  ["of the batch that was refused", []],
  ["of its first half, which was written", [ERRORS.ERR_MSG_SIZE_TOO_LARGE]],
])("they are written once where the answer is lost: %s", async (_, before) => {
  await using opened = await open({ "max.message.bytes": String(LIMIT) });
  const { link } = opened;
  link.produce = "hold";
  for (let i = 0; i < 8; i++) opened.send(`${i} ${noise(500)}`);
  for (const code of before) {
    const answer = await opened.nextHeld();
    expect(answer.code).toBe(code);
    answer.pass();
  }
  expect((await opened.nextHeld()).code).toBe(before.length === 0 ? ERRORS.ERR_MSG_SIZE_TOO_LARGE : 0);
  link.produce = "pass";
  link.reset();
  expect(await opened.failed()).toEqual([]);
  expect(await opened.written()).toEqual(opened.sent);
});

test("of a batch with invalid records those alone are refused", async () => {
  await using opened = await open({ "cleanup.policy": "compact" });
  for (let i = 0; i < 2000; i++) {
    if (i % 100 === 50) opened.send(`invalid ${i}`, null);
    else opened.send(String(i));
  }
  const isInvalid = (text: string) => text.startsWith("invalid");
  const invalid = opened.sent.filter(isInvalid);
  expect(invalid).toHaveLength(20);
  expect(await opened.failed()).toEqual(invalid.map((text) => [text, ERRORS.ERR_INVALID_RECORD]));
  expect(await opened.written()).toEqual(opened.sent.filter((text) => !isInvalid(text)));
});

test("so it is where the answer that says so is lost", async () => {
  await using opened = await open({ "cleanup.policy": "compact" });
  const { link } = opened;
  link.produce = "hold";
  for (let i = 0; i < 10; i++) opened.send(String(i), i === 5 ? null : "k");
  expect((await opened.nextHeld()).code).toBe(ERRORS.ERR_INVALID_RECORD);
  link.produce = "pass";
  link.reset();
  expect(await opened.failed()).toEqual([["5", ERRORS.ERR_INVALID_RECORD]]);
  expect(await opened.written()).toEqual(opened.sent.filter((text) => text !== "5"));
});

test.each([0, 9])(
  "the others are written once where the answer to them is lost: number %p of ten was invalid",
  async (at) => {
    await using opened = await open({ "cleanup.policy": "compact" });
    const { link } = opened;
    link.produce = "hold";
    for (let i = 0; i < 10; i++) opened.send(String(i), i === at ? null : "k");
    const refused = await opened.nextHeld();
    expect(refused.code).toBe(ERRORS.ERR_INVALID_RECORD);
    refused.pass();
    expect((await opened.nextHeld()).code).toBe(0);
    link.produce = "pass";
    link.reset();
    expect(await opened.failed()).toEqual([[String(at), ERRORS.ERR_INVALID_RECORD]]);
    expect(await opened.written()).toEqual(opened.sent.filter((text) => text !== String(at)));
  },
);
