import { afterAll, beforeAll, expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { called, disconnect, flush, openProducer, rejected } from "./support.ts";

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, 90_000);
afterAll(() => kafka[Symbol.asyncDispose]());

const ERRORS = RdKafka.CODES.ERRORS;
const unique = (name: string) => `${name}-${crypto.randomUUID()}`;
const init = (producer: RdKafka.Producer) => called((done) => producer.initTransactions(20_000, done));
const begin = (producer: RdKafka.Producer) => called((done) => producer.beginTransaction(done));
const commit = (producer: RdKafka.Producer) => called((done) => producer.commitTransaction(20_000, done));
const abort = (producer: RdKafka.Producer) => called((done) => producer.abortTransaction(20_000, done));

/** A producer on the real Kafka, not a mock. */
const open = (config: Record<string, unknown> = {}) =>
  openProducer({ "test.mock.num.brokers": 0, "bootstrap.servers": kafka.bootstrap, ...config });
const transactional = async (id: string) => {
  const opened = await open({ "transactional.id": id });
  await init(opened.producer);
  return opened;
};

test("what was committed is read, what was aborted is not", async () => {
  const topic = unique("transactions");
  await kafka.createTopic(topic);
  await using tx = await transactional(unique("tx"));
  await begin(tx.producer);
  tx.producer.produce(topic, 0, Buffer.from("aborted"));
  await flush(tx.producer);
  await abort(tx.producer);
  await begin(tx.producer);
  tx.producer.produce(topic, 0, Buffer.from("committed"));
  await commit(tx.producer);
  const values = (await consume(kafka.bootstrap, topic)).map(({ value }) => `${value}`);
  expect(values).toEqual(["committed"]);
  expect(tx.reports.map(({ error }) => error)).toEqual([null, null]);
}, 40_000);

test("a second producer with the same id fences the first", async () => {
  const topic = unique("fenced");
  await kafka.createTopic(topic);
  const id = unique("tx");
  await using first = await transactional(id);
  await begin(first.producer);
  first.producer.produce(topic, 0, Buffer.from("first"));
  await flush(first.producer);
  await using second = await transactional(id);
  const error = await rejected(commit(first.producer));
  expect(error).toMatchObject({ isFatal: true, isRetriable: false, isTxnRequiresAbort: false });
  expect(error?.code).toBeOneOf([ERRORS.ERR__FENCED, ERRORS.ERR_PRODUCER_FENCED]);
  await begin(second.producer);
  second.producer.produce(topic, 0, Buffer.from("second"));
  await commit(second.producer);
  expect((await consume(kafka.bootstrap, topic)).map(({ value }) => `${value}`)).toEqual(["second"]);
  await disconnect(first.producer, 0);
}, 40_000);

test("calls out of order say so with a code, and the producer goes on", async () => {
  await using tx = await transactional(unique("tx"));
  expect(await rejected(commit(tx.producer))).toMatchObject({ code: ERRORS.ERR__STATE, isFatal: false });
  await begin(tx.producer);
  expect(await rejected(begin(tx.producer))).toMatchObject({ code: ERRORS.ERR__STATE });
  await abort(tx.producer);
  await using plain = await open();
  expect(await rejected(init(plain.producer))).toMatchObject({ code: ERRORS.ERR__NOT_CONFIGURED });
}, 40_000);

test("a message that fails inside a transaction makes it abortable, and the next one is none the worse for it", async () => {
  const topic = unique("small");
  await kafka.createTopic(topic, 1, { "max.message.bytes": "1000" });
  await using tx = await transactional(unique("tx"));
  await begin(tx.producer);
  tx.producer.produce(topic, 0, Buffer.from("first"));
  await commit(tx.producer);
  await begin(tx.producer);
  tx.producer.produce(topic, 0, Buffer.alloc(5000, 1));
  const error = await rejected(commit(tx.producer));
  expect(error).toMatchObject({ isTxnRequiresAbort: true, isFatal: false });
  await abort(tx.producer);
  await begin(tx.producer);
  tx.producer.produce(topic, 0, Buffer.from("good"));
  await commit(tx.producer);
  expect((await consume(kafka.bootstrap, topic)).map(({ value }) => `${value}`)).toEqual(["first", "good"]);
}, 40_000);

test("offsets go with the transaction, named by a group's metadata", async () => {
  const [topic, group] = [unique("offsets"), unique("group")];
  await kafka.createTopic(topic);
  await using tx = await transactional(unique("tx"));
  await begin(tx.producer);
  tx.producer.produce(topic, 0, Buffer.from("x"));
  const consumer = {
    getClient: () => ({ groupMetadata: { groupId: group } }),
  } as unknown as RdKafka.KafkaConsumer;
  const offsets = [{ topic, partition: 0, offset: 7 }];
  await called((done) => tx.producer.sendOffsetsToTransaction(offsets, consumer, 20_000, done));
  await commit(tx.producer);
  expect(await committedOffset(group, topic)).toBe(7);

  await begin(tx.producer);
  const zombie = { groupId: group, generationId: 5, memberId: "gone", groupInstanceId: "static" };
  const gone = { getClient: () => ({ groupMetadata: zombie }) } as unknown as RdKafka.KafkaConsumer;
  const send = (list: unknown[]) => (done: (error: unknown) => void) =>
    tx.producer.sendOffsetsToTransaction(list as typeof offsets, gone, 20_000, done);
  expect(await rejected(called(send(offsets)))).toMatchObject({ isTxnRequiresAbort: true });
  await abort(tx.producer);
  expect(() => send([null])(() => {})).toThrow("{topic, partition, offset}");
}, 60_000);

async function committedOffset(group: string, topic: string): Promise<number | undefined> {
  const { Admin } = await import("@platformatic/kafka");
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [kafka.bootstrap] });
  try {
    const [found] = await admin.listConsumerGroupOffsets({
      groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }],
    });
    return Number(found?.topics[0]?.partitions[0]?.committedOffset);
  } finally {
    await admin.close();
  }
}

test("a timestamp arrives as it was given", async () => {
  const topic = unique("time");
  await kafka.createTopic(topic);
  await using plain = await open();
  const before = Date.now();
  plain.producer.produce(topic, 0, null, "given", 1_700_000_000_000);
  plain.producer.produce(topic, 0, null, "now");
  const [given, now] = await plain.reported(2);
  expect(given?.timestamp).toBe(1_700_000_000_000);
  expect(now?.timestamp).toBeGreaterThanOrEqual(before);
  const records = await consume(kafka.bootstrap, topic, { count: 2 });
  expect(records.map(({ timestamp }) => timestamp)).toEqual([given!.timestamp!, now!.timestamp!]);
}, 20_000);

test("every compression arrives as it was sent", async () => {
  const value = Buffer.from("compressible ".repeat(5000));
  for (const codec of ["none", "gzip", "snappy", "lz4", "zstd"]) {
    const topic = unique(codec);
    await kafka.createTopic(topic);
    await using plain = await open({ "compression.codec": codec });
    for (let i = 0; i < 3; i++) plain.producer.produce(topic, 0, value);
    await plain.reported(3);
    const records = await consume(kafka.bootstrap, topic, { count: 3 });
    expect(records.every((record) => record.value?.equals(value))).toBeTrue();
  }
}, 60_000);

test("a client over its quota is throttled, and is told by which broker and for how long", async () => {
  const topic = unique("throttled");
  const client = unique("client");
  await kafka.createTopic(topic);
  const { Admin } = await import("@platformatic/kafka");
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [kafka.bootstrap] });
  await admin.alterClientQuotas({
    entries: [
      {
        entities: [{ entityType: "client-id", entityName: client }],
        ops: [{ key: "producer_byte_rate", value: 1000, remove: false }],
      },
    ],
  });
  await admin.close();
  await using plain = await open({ "client.id": client });
  const told: { throttleTime: number; brokerName: string; brokerId: number; message: string }[] = [];
  plain.producer.on("event.throttle", (event) => void told.push(event));
  for (let i = 0; i < 20 && told.length === 0; i++) {
    plain.producer.produce(topic, 0, Buffer.alloc(20_000, i));
    await flush(plain.producer, 20_000);
  }
  expect(told[0]).toEqual({
    message: "Success",
    throttleTime: expect.any(Number),
    brokerName: expect.stringContaining(kafka.bootstrap),
    brokerId: 1,
  });
  expect(told[0]!.throttleTime).toBeGreaterThan(0);
}, 60_000);
