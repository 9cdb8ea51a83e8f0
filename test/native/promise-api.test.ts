import { afterAll, beforeAll, expect, test } from "bun:test";
import { KafkaJS } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { openProducer, rejected } from "./support.ts";

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, 90_000);
afterAll(() => kafka[Symbol.asyncDispose]());

/** A promise producer on these brokers, or on another producer's mock cluster. */
function promised(
  bootstrap: string,
  settings: KafkaJS.ProducerConfig = {},
  properties: Record<string, unknown> = {},
) {
  const client = new KafkaJS.Kafka({ kafkaJS: { brokers: [bootstrap], logLevel: KafkaJS.logLevel.NOTHING } });
  return client.producer({ "linger.ms": 0, ...properties, kafkaJS: settings });
}

test("send answers where each message went", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap);
  await producer.connect();
  const one = { key: "a", value: "one", headers: { single: "x", many: ["y", Buffer.from("z")] } };
  const messages = [
    { ...one, partition: 3 },
    { key: null, value: null, partition: 1 },
  ];
  await producer.send({ topic: "sent", messages: [{ value: "first", partition: 3 }] });
  const answers = await producer.send({ topic: "sent", messages });
  const answer = { topicName: "sent", errorCode: 0, logAppendTime: "-1", logStartOffset: "0" };
  expect(answers).toEqual([
    { ...answer, partition: 3, baseOffset: "1" },
    { ...answer, partition: 1, baseOffset: "0" },
  ]);
  await producer.disconnect();
  const [empty, first, full] = await consume(broker.bootstrap, "sent", { count: 3 });
  expect(empty).toMatchObject({ partition: 1, offset: 0, key: null, value: null });
  expect(first).toMatchObject({ partition: 3, offset: 0, value: Buffer.from("first") });
  expect(full).toMatchObject({ partition: 3, offset: 1, key: Buffer.from("a"), value: Buffer.from("one") });
  expect(full?.headers).toEqual([
    ["single", Buffer.from("x")],
    ["many", Buffer.from("y")],
    ["many", Buffer.from("z")],
  ]);
});

test("sendBatch answers for every topic", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap);
  await producer.connect();
  const messages = [{ value: "x", partition: 0 }];
  const topicMessages = [
    { topic: "left", messages },
    { topic: "right", messages: [...messages, ...messages] },
  ];
  const answers = await producer.sendBatch({ topicMessages });
  expect(answers.map(({ topicName, partition }) => [topicName, partition])).toEqual([
    ["left", 0],
    ["right", 0],
  ]);
  await producer.disconnect();
  expect(await consume(broker.bootstrap, "right", { count: 2 })).toHaveLength(2);
});

test("a thousand sends at once each get their own answer", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap);
  await producer.connect();
  const sends = Array.from({ length: 1000 }, () =>
    producer.send({ topic: "many", messages: [{ value: "x", partition: 0 }] }),
  );
  const offsets = (await Promise.all(sends)).map(([answer]) => Number(answer?.baseOffset));
  expect(offsets.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  await producer.disconnect();
});

test("a message that cannot be delivered rejects its send with a code", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap, {}, { "message.timeout.ms": 200, "request.timeout.ms": 100 });
  await producer.connect();
  await broker[Symbol.asyncDispose]();
  const sending = producer.send({ topic: "late", messages: [{ value: "x" }] });
  expect(await rejected(sending)).toMatchObject({
    name: "KafkaJSError",
    code: KafkaJS.ErrorCodes.ERR__MSG_TIMED_OUT,
    message: "Local: Message timed out",
  });
  await producer.disconnect();
});

test("an option that upstream does not know is refused by name", async () => {
  const misspelt = { retrys: 3 } as KafkaJS.ProducerConfig;
  await expect(promised("mock", misspelt).connect()).rejects.toThrow("retrys");
  const partitioner = { createPartitioner: () => () => 0 } as KafkaJS.ProducerConfig;
  await expect(promised("mock", partitioner).connect()).rejects.toThrow("createPartitioner");
  await expect(promised("mock", {}, { "no.such": 1 }).connect()).rejects.toThrow("no.such");
});

test("sending before connecting and after disconnecting rejects, and disconnecting twice does not", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap);
  const record = { topic: "t", messages: [{ value: "x" }] };
  await expect(producer.send(record)).rejects.toThrow("without awaiting connect()");
  await producer.connect();
  await expect(producer.connect()).rejects.toThrow("Connect has already been called");
  await producer.disconnect();
  await producer.disconnect();
  await expect(producer.send(record)).rejects.toThrow("without awaiting connect()");
});

test("what a transaction commits is read, what another aborts is not, and only one may be open", async () => {
  const topic = `promised-${crypto.randomUUID()}`;
  await kafka.createTopic(topic);
  const producer = promised(kafka.bootstrap, { transactionalId: topic });
  await producer.connect();
  const transaction = await producer.transaction();
  await expect(producer.transaction()).rejects.toThrow("one transaction at a time");
  await transaction.send({ topic, messages: [{ value: "kept" }] });
  await transaction.commit();
  const second = await producer.transaction();
  await second.send({ topic, messages: [{ value: "dropped" }] });
  await second.abort();
  await producer.disconnect();
  expect((await consume(kafka.bootstrap, topic)).map(({ value }) => `${value}`)).toEqual(["kept"]);
}, 40_000);

test("flush waits for what was sent", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap, {}, { "linger.ms": 1000 });
  await producer.connect();
  const sending = producer.send({ topic: "flushed", messages: [{ value: "x" }] });
  await producer.flush({ timeout: 5000 });
  expect(await sending).toHaveLength(1);
  await producer.disconnect();
});
