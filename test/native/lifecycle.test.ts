import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { freePorts } from "../helpers/ports.ts";
import { OPTIONS } from "./posts.ts";
import {
  called,
  connect,
  disconnect,
  flush,
  MOCK,
  newProducer,
  openProducer,
  rejected,
  servedBy,
} from "./support.ts";

test("connecting answers the metadata and says ready with the client's name", async () => {
  const producer = newProducer({ ...MOCK, "client.id": "named" });
  const ready = new Promise<RdKafka.ReadyInfo>((resolve) => void producer.once("ready", resolve));
  expect(producer.isConnected()).toBeFalse();
  const { brokers } = await connect(producer);
  expect(brokers).toHaveLength(1);
  expect((await ready).name).toStartWith("named#producer-");
  expect(producer.isConnected()).toBeTrue();
  expect(producer.connectedTime()).toBeGreaterThanOrEqual(0);
  const metrics = await disconnect(producer);
  expect(metrics.connectionOpened).toBeNumber();
  expect(producer.isConnected()).toBeFalse();
  expect(producer.connectedTime()).toBe(0);
});

test("connecting twice, one after the other or at once, connects once", async () => {
  const producer = newProducer(MOCK);
  const names: string[] = [];
  producer.on("ready", ({ name }) => void names.push(name));
  await Promise.all([connect(producer), connect(producer)]);
  await connect(producer);
  expect(names).toHaveLength(1);
  await disconnect(producer);
});

test("without a broker connecting fails in its time, and the next attempt works", async () => {
  await using broker = await openProducer();
  const [port] = await freePorts(1);
  const lost = newProducer({ "bootstrap.servers": `127.0.0.1:${port}`, log_level: 0 });
  const failures: unknown[] = [];
  lost.on("connection.failure", (error) => void failures.push(error));
  const error = await rejected(connect(lost, { timeout: 100 }));
  expect(error).toMatchObject({
    code: RdKafka.CODES.ERRORS.ERR__TRANSPORT,
    message: "broker transport failure",
  });
  expect(failures).toHaveLength(1);
  expect(lost.isConnected()).toBeFalse();

  const found = newProducer({ ...servedBy(broker), log_level: 0 });
  await connect(found);
  await disconnect(found);
});

test("what librdkafka refuses only when the client is made is the connect callback's error", async () => {
  const producer = newProducer({ ...MOCK, "enable.idempotence": true, acks: 1 });
  const error = await rejected(connect(producer));
  expect(error).toMatchObject({
    code: RdKafka.CODES.ERRORS.ERR__STATE,
    message: expect.stringContaining("acks"),
  });
  expect(producer.isConnected()).toBeFalse();
});

test("a producer connects again after it disconnected, and reports its new topics by their names", async () => {
  const producer = newProducer({ ...MOCK, dr_cb: true });
  const reported: unknown[] = [];
  producer.on("delivery-report", (_, { topic, opaque }) => void reported.push([topic, opaque]));
  const sent: unknown[] = [];
  for (let round = 0; round < 10; round++) {
    await connect(producer);
    for (const topic of [`a${round}`, `b${round}`]) {
      producer.produce(topic, null, null, null, null, round);
      sent.push([topic, round]);
    }
    await disconnect(producer);
  }
  expect(reported).toHaveLength(sent.length);
  expect(reported).toEqual(expect.arrayContaining(sent));
});

test("messages that were lost with a client leave nothing behind for the next one", async () => {
  await using broker = await openProducer();
  const producer = newProducer({ ...servedBy(broker), dr_cb: true, "linger.ms": 60_000, log_level: 0 });
  const reported: unknown[] = [];
  producer.on("delivery-report", (_, { opaque }) => void reported.push(opaque));
  await connect(producer);
  for (let i = 0; i < 100; i++) producer.produce("lost", 0, null, null, null, `lost ${i}`);
  await called((done) => producer.getClient().disconnect(done));
  producer.emit("disconnected");
  await connect(producer);
  for (let i = 0; i < 100; i++) producer.produce("kept", 0, null, null, null, i);
  await flush(producer);
  expect(reported).toEqual(Array.from({ length: 100 }, (_, i) => i));
  await disconnect(producer);
});

test("disconnecting twice at once ends once, and later says that there is no connection", async () => {
  const producer = newProducer(MOCK);
  let ends = 0;
  producer.on("disconnected", () => ends++);
  await connect(producer);
  // Upstream calls back the one of the two that came first through its flush.
  const ended = new Promise((resolve) => void producer.once("disconnected", resolve));
  producer.disconnect();
  producer.disconnect();
  await ended;
  expect(ends).toBe(1);
  expect(() => producer.disconnect()).toThrow("Producer not connected");
  await called((done) => producer.getClient().disconnect(done));
});

test("two producers at once, and one that polls the other, keep to themselves", async () => {
  await using first = await openProducer();
  await using second = await openProducer();
  first.producer.on("delivery-report", () => void second.producer.poll());
  for (let i = 0; i < 1000; i++) {
    first.producer.produce("first", null, null, null, null, i);
    second.producer.produce("second", null, null, null, null, i);
  }
  const [of_first, of_second] = await Promise.all([first.reported(1000), second.reported(1000)]);
  expect(of_first.every(({ topic }) => topic === "first")).toBeTrue();
  expect(of_second.every(({ topic }) => topic === "second")).toBeTrue();
});

test("a hundred producers open, report and close", async () => {
  await using broker = await openProducer();
  const open = await Promise.all(Array.from({ length: 100 }, () => openProducer(servedBy(broker))));
  for (const { producer } of open) producer.produce("hundred", null, null, "k");
  await Promise.all(open.map(({ reported }) => reported(1)));
  await Promise.all(open.map((each) => each[Symbol.asyncDispose]()));
  expect(open.every(({ producer }) => !producer.isConnected())).toBeTrue();
}, 30_000);

test("what a valid event is can be said once, since batches under way refer to it", () => {
  const core = newProducer(MOCK).getClient();
  core.configureEvents(OPTIONS);
  expect(() => core.configureEvents(OPTIONS)).toThrow("configureEvents() was called already");
});

test("the core says its version and what it was built with", () => {
  expect(RdKafka.librdkafkaVersion).toMatch(/^\d+\.\d+\.\d+$/);
  const features = [
    "gzip",
    "snappy",
    "ssl",
    "lz4",
    "zstd",
    "sasl_plain",
    "sasl_scram",
    "sasl_oauthbearer",
    "oidc",
  ];
  expect(RdKafka.features).toEqual(expect.arrayContaining(features));
});
