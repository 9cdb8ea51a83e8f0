import { expect, test } from "bun:test";
import { once } from "node:events";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { waitUntil } from "../helpers/wait.ts";
import { called, connect, disconnect, MOCK, openProducer, rejected, servedBy } from "./support.ts";

/** A connected HighLevelProducer; disposing of it disconnects. */
async function openHighLevel(config: Record<string, unknown> = {}) {
  const producer = new RdKafka.HighLevelProducer({ ...MOCK, "linger.ms": 0, ...config });
  await connect(producer);
  const send = (value: unknown, key: unknown = null) =>
    called<number | null>((done) => producer.produce("high", 0, value, key, null, done));
  const dispose = async () => void (await disconnect(producer));
  return { producer, send, [Symbol.asyncDispose]: dispose };
}

test("each produce answers its own offset", async () => {
  await using open = await openHighLevel();
  const offsets = await Promise.all(Array.from({ length: 100 }, (_, i) => open.send(Buffer.from(`${i}`))));
  expect(offsets).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test("serializers may answer at once, by callback or by promise", async () => {
  await using broker = await openProducer();
  await using open = await openHighLevel(servedBy(broker));
  open.producer.setKeySerializer((key: unknown) => `key:${key}`);
  open.producer.setValueSerializer((value: unknown) => Buffer.from(JSON.stringify(value)));
  await open.send({ at: "once" }, 1);
  open.producer.setValueSerializer((value: unknown, done: (error: unknown, value: Buffer) => void) =>
    setImmediate(done, null, Buffer.from(`${value}`)),
  );
  await open.send("callback", 2);
  open.producer.setValueSerializer(async (value: unknown) => Buffer.from(`${value}`));
  await open.send("promise", 3);
  const records = await consume(broker.bootstrap, "high", { count: 3 });
  expect(records.map(({ key, value }) => [String(key), String(value)])).toEqual([
    ["key:1", '{"at":"once"}'],
    ["key:2", "callback"],
    ["key:3", "promise"],
  ]);
});

test("a serializer's failure and a refused message are the callback's error", async () => {
  await using open = await openHighLevel();
  expect(await rejected(open.send("not bytes"))).toMatchObject({
    message: "Message must be a buffer or null",
  });
  open.producer.setValueSerializer(async () => {
    throw new Error("no such schema");
  });
  expect(await rejected(open.send("x"))).toMatchObject({ message: "no such schema" });
});

test("headers go with the message", async () => {
  await using broker = await openProducer();
  await using open = await openHighLevel(servedBy(broker));
  await called((done) => open.producer.produce("high", 0, Buffer.from("v"), "k", null, [{ a: "b" }], done));
  const [record] = await consume(broker.bootstrap, "high", { count: 1 });
  expect(record?.headers).toEqual([["a", Buffer.from("b")]]);
});

test("a stream of bytes goes to its topic and disconnects its producer at the end", async () => {
  await using broker = await openProducer();
  const settings = { ...MOCK, ...servedBy(broker), "linger.ms": 0 };
  const stream = RdKafka.Producer.createWriteStream(settings, {}, { topic: "streamed" });
  for (let i = 0; i < 50; i++) stream.write(Buffer.from(`${i}`));
  stream.end();
  await once(stream.producer, "disconnected");
  const records = await consume(broker.bootstrap, "streamed", { count: 50 });
  expect(records.map(({ value }) => Number(value)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test("a stream of objects names topic, partition, key and headers for each", async () => {
  await using broker = await openProducer();
  const settings = { ...MOCK, ...servedBy(broker), "linger.ms": 0 };
  const stream = RdKafka.Producer.createWriteStream(settings, {}, { objectMode: true });
  stream.write({ topic: "objects", partition: 1, value: Buffer.from("v"), key: "k", headers: [{ h: "x" }] });
  stream.end();
  await once(stream.producer, "disconnected");
  expect(await consume(broker.bootstrap, "objects", { count: 1 })).toMatchObject([
    { partition: 1, key: Buffer.from("k"), headers: [["h", Buffer.from("x")]] },
  ]);
});

test("a stream waits where the queue is full, and loses nothing", async () => {
  await using broker = await openProducer();
  const settings = { ...MOCK, ...servedBy(broker), "linger.ms": 50, "queue.buffering.max.messages": 10 };
  const stream = RdKafka.Producer.createWriteStream(settings, {}, { topic: "narrow", pollInterval: 10 });
  let written = 0;
  for (let i = 0; i < 25; i++) stream.write(Buffer.from("x"), () => written++);
  await waitUntil(
    () => (written === 25 ? true : undefined),
    20_000,
    () => new Error(`${written} written`),
  );
  stream.end();
  await once(stream.producer, "disconnected");
  expect(await consume(broker.bootstrap, "narrow", { count: 25 })).toHaveLength(25);
}, 30_000);
