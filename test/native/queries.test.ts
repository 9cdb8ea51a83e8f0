import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import {
  called,
  disconnect,
  flush,
  newProducer,
  openProducer,
  rejected,
  runProgram,
  servedBy,
} from "./support.ts";

const ERRORS = RdKafka.CODES.ERRORS;
const offsets = (producer: RdKafka.Producer, topic: string, partition: number, ms = 5000) =>
  called<RdKafka.WatermarkOffsets>((done) => producer.queryWatermarkOffsets(topic, partition, ms, done));
const metadata = (producer: RdKafka.Producer, options: RdKafka.MetadataOptions) =>
  called<RdKafka.Metadata>((done) => producer.getMetadata(options, done));

test("a flush with nothing to flush succeeds at once", async () => {
  await using open = await openProducer();
  await flush(open.producer, 0);
});

test("a flush that runs out of time answers its code, and the messages stay unreported", async () => {
  await using broker = await openProducer();
  await using stuck = await openProducer(servedBy(broker));
  await disconnect(broker.producer);
  stuck.producer.produce("slow", 0, null);
  expect(await rejected(flush(stuck.producer, 50))).toMatchObject({ code: ERRORS.ERR__TIMED_OUT });
  expect(stuck.reports).toEqual([]);
  await disconnect(stuck.producer, 0);
});

test("metadata lists the brokers, every topic or the one that was asked for", async () => {
  await using open = await openProducer();
  open.producer.produce("first", 0, null);
  open.producer.produce("second", 0, null);
  await open.reported(2);

  const all = await metadata(open.producer, { allTopics: true });
  const [host, port] = open.bootstrap.split(":");
  expect(all).toMatchObject({
    orig_broker_id: 1,
    orig_broker_name: `${open.bootstrap}/1`,
    brokers: [{ id: 1, host: `${host}`, port: Number(port) }],
  });
  expect(all.topics.map(({ name }) => name).toSorted()).toEqual(["first", "second"]);

  const one = await metadata(open.producer, { topic: "second", allTopics: false });
  const partitions = [0, 1, 2, 3].map((id) => ({ id, leader: 1, replicas: [1], isrs: [1] }));
  expect(one.topics).toEqual([{ name: "second", partitions }]);
});

test("metadata and offsets of a broker that is gone time out with a code", async () => {
  await using broker = await openProducer();
  await using open = await openProducer(servedBy(broker));
  open.producer.produce("gone", 0, null);
  await open.reported(1);
  await disconnect(broker.producer);
  const codes = [ERRORS.ERR__TRANSPORT, ERRORS.ERR__TIMED_OUT];
  expect(codes).toContain((await rejected(metadata(open.producer, { timeout: 200 })))!.code);
  expect(codes).toContain((await rejected(offsets(open.producer, "gone", 0, 200)))!.code);
});

test("watermark offsets are the first and the next", async () => {
  await using open = await openProducer();
  for (let i = 0; i < 5; i++) open.producer.produce("marks", 1, null);
  await open.reported(5);
  expect(await offsets(open.producer, "marks", 1)).toEqual({ lowOffset: 0, highOffset: 5 });
  expect(await offsets(open.producer, "marks", 2)).toEqual({ lowOffset: 0, highOffset: 0 });
  expect(await rejected(offsets(open.producer, "marks", 99, 500))).toMatchObject({
    code: ERRORS.ERR__UNKNOWN_PARTITION,
  });
});

test("an endless timeout is no timeout at all", async () => {
  await using open = await openProducer();
  for (const ms of [-1, Number.MAX_SAFE_INTEGER, 2 ** 40]) {
    open.producer.produce("endless", 0, null);
    await flush(open.producer, ms);
    await metadata(open.producer, { timeout: ms });
  }
  expect(open.reports).toHaveLength(3);
});

test("a getter that throws inside the options is thrown, and nothing else happens", async () => {
  await using open = await openProducer();
  let answers = 0;
  const options = Object.defineProperty({}, "topic", {
    get: () => {
      throw new Error("mine");
    },
  });
  expect(() => open.producer.getMetadata(options, () => answers++)).toThrow("mine");
  await Bun.sleep(20);
  expect(answers).toBe(0);
});

test("queries need a connection", async () => {
  const producer = newProducer({ "bootstrap.servers": "mock" });
  await expect(metadata(producer, {})).rejects.toThrow("Client is disconnected");
  await expect(offsets(producer, "t", 0)).rejects.toThrow("Client is disconnected");
  const answer = await rejected(called((done) => producer.getClient().getMetadata({}, done)));
  expect(answer?.code).toBe(ERRORS.ERR__STATE);
});

test("many queries at once are all answered while files are still read", async () => {
  await using open = await openProducer();
  const asked = Array.from({ length: 50 }, () => metadata(open.producer, {}));
  expect(await Bun.file(import.meta.path).text()).toContain("many queries at once");
  expect(await Promise.all(asked)).toHaveLength(50);
});

test("a query's callback that throws is seen, and the next one is still called", async () => {
  const { code, output } = await runProgram(`
    process.on("uncaughtException", (error) => console.log("uncaught", error.message));
    const { producer } = await openProducer();
    producer.flush(1000, () => { throw new Error("callback"); });
    await called((done) => producer.getMetadata({}, done));
    await disconnect(producer);
    console.log("end");
  `);
  expect(output.split("\n").toSorted()).toEqual(["end", "uncaught callback"]);
  expect(code).toBe(0);
});
