import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { behind } from "../helpers/kafka-broker.ts";
import { freePorts } from "../helpers/ports.ts";
import { waitUntil } from "../helpers/wait.ts";
import { type Link, startLink } from "./link.ts";
import { openProducer } from "./support.ts";

// Kafka refuses batches: for their size, or for an invalid record in them. The other events of such a batch are as good as
// any, and must be in Kafka once, in their order.

setDefaultTimeout(60_000);

const { ERRORS } = RdKafka.CODES;
const LIMIT = 4000;

let kafka: Kafka;
let link: Link;
let bootstrap = "";
beforeAll(async () => {
  const [from = 0, to = 0] = await freePorts(2);
  link = await startLink({ from, to });
  bootstrap = `127.0.0.1:${from}`;
  kafka = await startKafka({ properties: (node) => behind(node, { from, to }) });
});
afterAll(async () => {
  await link[Symbol.asyncDispose]();
  await kafka[Symbol.asyncDispose]();
});

/** A producer behind the link that has written "first" to a topic with these settings, and lingers. */
async function open(topicConfig: Record<string, string>) {
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
  send("first");
  await opened.reported(1);
  return {
    ...opened,
    sent,
    send,
    /** What failed, with its code. */
    failed: async () =>
      (await opened.reported(sent.length))
        .filter(({ error }) => error !== null)
        .map(({ opaque, error }) => [opaque, error?.code]),
    written: async () => (await consume(kafka.bootstrap, topic)).map(({ value }) => String(value)),
    [Symbol.asyncDispose]: async () => {
      link.produce = "pass";
      reconnect();
      await opened[Symbol.asyncDispose]();
    },
  };
}

const until = (reached: () => boolean) =>
  waitUntil(
    () => reached() || undefined,
    20_000,
    () => new Error(`held ${link.held.length}, lost ${link.lost}`),
  );

function reconnect(): void {
  link.cut();
  link.up();
}

const noise = (bytes: number) =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64");
const isLarge = (text: string) => text.length > LIMIT;

test("small events whose batch is larger than their topic takes are written, those that are too large alone are refused", async () => {
  await using opened = await open({ "max.message.bytes": String(LIMIT) });
  for (let i = 0; i < 10_000; i++) opened.send(`${i} ${noise(i % 1000 === 0 ? LIMIT : i % 300)}`);
  const large = opened.sent.filter(isLarge);
  expect(large).toHaveLength(10);
  expect(await opened.failed()).toEqual(large.map((text) => [text, ERRORS.ERR_MSG_SIZE_TOO_LARGE]));
  expect(await opened.written()).toEqual(opened.sent.filter((text) => !isLarge(text)));
});

test("what a topic takes is found out once: no batch that comes later is refused", async () => {
  await using opened = await open({ "max.message.bytes": String(LIMIT) });
  const refusals = async (count: number) => {
    link.produce = "hold";
    const codes: number[] = [];
    const before = opened.sent.length;
    for (let i = 0; i < count; i++) opened.send(noise(200));
    while (opened.reports.length < opened.sent.length) {
      await until(() => link.held.length > 0 || opened.reports.length === opened.sent.length);
      for (const answer of link.held.splice(0)) {
        codes.push(answer.code);
        answer.pass();
      }
    }
    link.produce = "pass";
    expect(opened.sent.length - before).toBe(count);
    return codes.filter((code) => code === ERRORS.ERR_MSG_SIZE_TOO_LARGE).length;
  };
  expect(await refusals(2000)).toBeGreaterThan(3);
  expect(await refusals(2000)).toBe(0);
  expect(await opened.failed()).toEqual([]);
});

test.each([
  ["of the batch that was refused", 0],
  ["of its first half, which was written", 1],
])("they are written once where the answer is lost: %s", async (_, lost) => {
  await using opened = await open({ "max.message.bytes": String(LIMIT) });
  link.produce = "hold";
  for (let i = 0; i < 10; i++) opened.send(`${i} ${noise(400)}`);
  for (let i = 0; i < lost; i++) {
    await until(() => link.held.length > 0);
    link.held.splice(0)[0]?.pass();
  }
  await until(() => link.held.length > 0);
  link.produce = "pass";
  reconnect();
  expect(await opened.failed()).toEqual([]);
  expect(await opened.written()).toEqual(opened.sent);
});

test("of a batch with invalid records those alone are refused", async () => {
  await using opened = await open({ "cleanup.policy": "compact" });
  const invalid: string[] = [];
  for (let i = 0; i < 3000; i++) {
    if (i % 100 === 50) invalid.push(`invalid ${i}`);
    if (i % 100 === 50) opened.send(`invalid ${i}`, null);
    else opened.send(String(i));
  }
  expect(await opened.failed()).toEqual(invalid.map((text) => [text, ERRORS.ERR_INVALID_RECORD]));
  expect(await opened.written()).toEqual(opened.sent.filter((text) => !invalid.includes(text)));
});

test.each([0, 9])(
  "the others are written once where the answer to them is lost: number %p of ten was invalid",
  async (at) => {
    await using opened = await open({ "cleanup.policy": "compact" });
    link.produce = "hold";
    for (let i = 0; i < 10; i++) opened.send(String(i), i === at ? null : "k");
    await until(() => link.held.length > 0);
    link.held.splice(0)[0]?.pass();
    await until(() => link.held.length > 0);
    link.produce = "pass";
    reconnect();
    expect(await opened.failed()).toEqual([[String(at), ERRORS.ERR_INVALID_RECORD]]);
    expect(await opened.written()).toEqual(opened.sent.filter((text) => text !== String(at)));
  },
);
