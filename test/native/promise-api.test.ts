import { expect, test } from "bun:test";
import { KafkaJS } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { openProducer, rejected } from "./support.ts";

/** A promise producer on another producer's mock cluster. */
function promised(
  bootstrap: string,
  settings: KafkaJS.ProducerConfig = {},
  properties: Record<string, unknown> = {},
) {
  const kafka = new KafkaJS.Kafka({ kafkaJS: { brokers: [bootstrap], logLevel: KafkaJS.logLevel.NOTHING } });
  return kafka.producer({ "linger.ms": 0, ...properties, kafkaJS: settings });
}

test("send answers where each message went", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap);
  await producer.connect();
  const messages = [
    { key: "a", value: "one", headers: { single: "x", many: ["y", Buffer.from("z")] } },
    { key: null, value: null },
  ];
  const answers = await producer.send({ topic: "sent", messages });
  expect(answers).toEqual(
    answers.map(({ partition }) => ({
      topicName: "sent",
      partition,
      errorCode: 0,
      baseOffset: "0",
      logAppendTime: "-1",
      logStartOffset: "0",
    })),
  );
  await producer.disconnect();
  const records = await consume(broker.bootstrap, "sent", { count: 2 });
  const one = records.find(({ key }) => key !== null);
  expect(one).toMatchObject({ key: Buffer.from("a"), value: Buffer.from("one") });
  expect(one?.headers).toEqual([
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

test("a transaction commits, another aborts, and only one may be open", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap, { transactionalId: "promised" });
  await producer.connect();
  const transaction = await producer.transaction();
  await expect(producer.transaction()).rejects.toThrow("one transaction at a time");
  await transaction.send({ topic: "tx", messages: [{ value: "kept", partition: 0 }] });
  await transaction.commit();
  const second = await producer.transaction();
  await second.send({ topic: "tx", messages: [{ value: "dropped", partition: 0 }] });
  await second.abort();
  await producer.disconnect();
});

test("flush waits for what was sent", async () => {
  await using broker = await openProducer();
  const producer = promised(broker.bootstrap, {}, { "linger.ms": 1000 });
  await producer.connect();
  const sending = producer.send({ topic: "flushed", messages: [{ value: "x" }] });
  await producer.flush({ timeout: 5000 });
  expect(await sending).toHaveLength(1);
  await producer.disconnect();
});
