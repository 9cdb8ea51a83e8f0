import { expect, test } from "bun:test";
import { KafkaJS, RdKafka } from "@confluentinc/kafka-javascript";
import { consume } from "../helpers/consume.ts";
import { connect, disconnect, flush, MOCK, newProducer, openProducer, thrown } from "./support.ts";

const ERRORS = RdKafka.CODES.ERRORS;
// Upstream's module of the core's own exports, which it does not publish types for.
const CORE: string = "@confluentinc/kafka-javascript/librdkafka.js";

test("keys, values and headers arrive as they were given", async () => {
  await using open = await openProducer();
  const headers = [
    { text: "é" },
    { bytes: Buffer.from([0, 255]) },
    { text: "again" },
    { empty: "" },
    { none: Buffer.alloc(0) },
    { long: "x".repeat(5000) },
  ];
  open.producer.produce("arrive", 0, Buffer.from("value"), "key", null, null, headers);
  open.producer.produce("arrive", 0, null, Buffer.from([0, 1]));
  open.producer.produce("arrive", 0, Buffer.alloc(0), "");
  await flush(open.producer);
  const records = await consume(open.bootstrap, "arrive", { count: 3 });
  expect(records.map(({ key, value }) => [key, value])).toEqual([
    [Buffer.from("key"), Buffer.from("value")],
    [Buffer.from([0, 1]), null],
    [Buffer.alloc(0), Buffer.alloc(0)],
  ]);
  expect(records[0]?.headers).toEqual([
    ["text", Buffer.from("é")],
    ["bytes", Buffer.from([0, 255])],
    ["text", Buffer.from("again")],
    ["empty", Buffer.alloc(0)],
    ["none", Buffer.alloc(0)],
    ["long", Buffer.from("x".repeat(5000))],
  ]);
});

test("a header's value that is neither text nor bytes throws, and nothing is sent", async () => {
  await using open = await openProducer();
  for (const value of [1, null, undefined, {}, [], true]) {
    const headers = [{ good: "x" }, { bad: value }] as unknown as RdKafka.MessageHeader[];
    const error = thrown(() => open.producer.produce("headers", 0, null, null, null, null, headers));
    expect(error?.message).toBe("Header value must be a string or buffer");
  }
  await flush(open.producer);
  expect(open.reports).toEqual([]);
});

test("absent and empty headers are none", async () => {
  await using open = await openProducer();
  const lists: unknown[] = [undefined, null, [], [{}]];
  for (const headers of lists) open.producer.produce("none", 0, null, "k", null, null, headers as []);
  await flush(open.producer);
  const records = await consume(open.bootstrap, "none", { count: lists.length });
  expect(records.map((record) => record.headers)).toEqual([[], [], [], []]);
});

test("an argument of a wrong type throws, and the process lives on", async () => {
  await using open = await openProducer();
  const throws = () => {
    throw new Error("a conversion of the test's");
  };
  const wrong: unknown[][] = [
    [Symbol("topic"), 0, null],
    ["", 0, null],
    [7, 0, null],
    ["t", Symbol("partition"), null],
    ["t", { valueOf: throws }, null],
    ["t", 0, "text"],
    ["t", 0, undefined],
    ["t", 0, 5],
    ["t", 0, {}],
    ["t", 0, null, Symbol("key")],
    ["t", 0, null, {}],
    ["t", 0, null, null, "yesterday"],
    [
      "t",
      0,
      null,
      null,
      null,
      null,
      [
        {
          get a() {
            return throws();
          },
        },
      ],
    ],
    ["t", 0, null, null, null, null, [new Proxy({}, { ownKeys: throws })]],
  ];
  const produce = open.producer.produce.bind(open.producer) as (...given: unknown[]) => unknown;
  for (const given of wrong) expect(() => produce(...given)).toThrow();
  await flush(open.producer);
  expect(open.reports).toEqual([]);
});

test("without a partition the messages spread, and a default partition takes them all", async () => {
  await using spread = await openProducer({ "sticky.partitioning.linger.ms": 0 });
  for (let i = 0; i < 100; i++) spread.producer.produce("spread", i % 2 ? null : -1, null);
  const partitions = new Set((await spread.reported(100)).map(({ partition }) => partition));
  expect(partitions.size).toBe(4);

  await using fixed = await openProducer({ partition: 3 });
  fixed.producer.produce("fixed", null, null);
  expect(await fixed.reported(1)).toMatchObject([{ partition: 3 }]);
});

test("a partition that the topic does not have is an error", async () => {
  await using open = await openProducer();
  open.producer.produce("four", 0, null);
  await open.reported(1);
  const error = thrown(() => open.producer.produce("four", 99, null));
  expect(error?.code).toBe(ERRORS.ERR__UNKNOWN_PARTITION);
});

test("a message over the limit throws its code, with and without headers", async () => {
  await using open = await openProducer({ "message.max.bytes": 2000 });
  const large = Buffer.alloc(3000);
  for (const headers of [[], [{ a: "b" }]]) {
    const error = thrown(() => open.producer.produce("large", null, large, null, null, {}, headers));
    expect(error).toMatchObject({ code: ERRORS.ERR_MSG_SIZE_TOO_LARGE, errno: 10 });
  }
  await flush(open.producer);
  expect(open.reports).toEqual([]);
});

test("a full queue throws its code, and takes messages again once it has room", async () => {
  await using open = await openProducer({ "queue.buffering.max.messages": 10, "linger.ms": 100 });
  for (let i = 0; i < 10; i++) open.producer.produce("full", 0, null, null, null, i);
  const error = thrown(() => open.producer.produce("full", 0, null, null, null, "over"));
  expect(error).toMatchObject({ code: ERRORS.ERR__QUEUE_FULL, message: "Local: Queue full" });
  await open.reported(10);
  open.producer.produce("full", 0, null, null, null, "after");
  expect((await open.reported(11)).map(({ opaque }) => opaque)).toEqual([
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    "after",
  ]);
});

test("producing needs a connection", async () => {
  const producer = newProducer(MOCK);
  expect(() => producer.produce("t", null, null)).toThrow("Producer not connected");
  expect(() => producer.poll()).toThrow("Producer not connected");
  expect(() => producer.flush(100)).toThrow("Producer not connected");
  expect(() => producer.setPollInBackground(true)).toThrow("Client is disconnected");
  await connect(producer);
  await disconnect(producer);
  expect(() => producer.produce("t", null, null)).toThrow("Producer not connected");
  expect(producer.getClient().produce("t", null, null)).toBe(ERRORS.ERR__STATE);
  expect(() => producer.getClient().poll()).toThrow("Producer is disconnected");
});

test("a constructor names the property it refuses", () => {
  expect(() => newProducer({ "no.such.property": 1 })).toThrow(
    'No such configuration property: "no.such.property"',
  );
  expect(() => newProducer({ acks: "some" })).toThrow("acks");
  expect(() => new RdKafka.Producer({}, { "no.such": 1 } as RdKafka.ProducerTopicConfig)).toThrow("no.such");
  expect(() => newProducer({ "client.id": Symbol("id") })).toThrow(TypeError);
  expect(() => newProducer({ "client.id": { toString: null, valueOf: null } })).toThrow(TypeError);
  expect(() => Reflect.construct(RdKafka.Producer, [])).toThrow();
});

test("what this core does not have says so", async () => {
  const other = "is not in sidepost's core, which only produces";
  const group = { "group.id": "g", "bootstrap.servers": "mock" };
  expect(() => new RdKafka.KafkaConsumer(group, {})).toThrow(`KafkaConsumer ${other}`);
  expect(() => RdKafka.AdminClient.create({ "bootstrap.servers": "mock" })).toThrow(`AdminClient ${other}`);
  const { Topic } = (await import(CORE)).default;
  expect(() => new Topic("t")).toThrow(`Topic ${other}`);
  const consumer = new KafkaJS.Kafka({ kafkaJS: { brokers: ["mock"] } }).consumer({
    kafkaJS: { groupId: "g" },
  });
  await expect(consumer.connect()).rejects.toThrow(`KafkaConsumer ${other}`);
  const producer = newProducer(MOCK);
  expect(() => producer.getClient().setPartitioner(() => 0)).toThrow("set the property 'partitioner'");
  const groupOf = { getClient: () => ({}) } as RdKafka.KafkaConsumer;
  expect(() => producer.sendOffsetsToTransaction([], groupOf, () => {})).toThrow("groupMetadata");
});
