import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load.ts";
import type { Logger } from "../../../src/domain/logger.ts";
import type { Batch, Delivery, Posted } from "../../../src/domain/ports.ts";
import { queueLimits } from "../../../src/infrastructure/kafka/options.ts";
import { createProducer } from "../../../src/infrastructure/kafka/producer.ts";

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const BODY = Buffer.from('{"data":1}');

interface Post extends Posted<Post> {}
const posted = (settle: (delivery: Delivery) => void = () => {}): Post => ({
  id: "",
  settle: (_, delivery) => settle(delivery),
});

/** A producer on a cluster in this process. */
async function start(properties: Record<string, string | number | boolean> = {}) {
  const loaded = loadConfig(
    { KAFKA_BROKER_LIST: "embedded" },
    { readFile: () => "", checkProperty: () => undefined },
  );
  if ("faults" in loaded) throw new Error(loaded.faults.join());
  const { config } = loaded;
  Object.assign(config.kafka.properties, properties);
  const contact = Promise.withResolvers<void>();
  const producer = await createProducer({
    config,
    limits: queueLimits(config, 64 * 1024 ** 2),
    logger: SILENT,
    onBatches() {},
    onContact: contact.resolve,
    onReady() {},
  });
  await contact.promise;
  const [type] = config.events.types;
  return { producer, type: type!, [Symbol.asyncDispose]: () => producer.close() };
}

test("a flush is done when nothing is left, also of what was taken meanwhile", async () => {
  await using service = await start();
  const { producer, type } = service;
  let settled = 0;
  let toCome = 5;
  const send = (): void => {
    const settle = () => {
      settled++;
      if (toCome-- > 0) send();
    };
    producer.send(BODY, type, false, posted(settle));
  };
  send();
  expect(await producer.flush(10_000)).toBeTrue();
  expect(settled).toBe(6);
  expect(producer.status().queuedRecords).toBe(0);
});

test("what is abandoned is settled, and after that nothing is taken, with a word when to come again", async () => {
  await using service = await start({ "linger.ms": 60_000 });
  const { producer, type } = service;
  const settled = Promise.withResolvers<Delivery>();
  producer.send(BODY, type, false, posted(settled.resolve));
  const abandoning = producer.abandon();
  const refused = { code: "draining", retryAfter: 1 };
  expect(producer.send(BODY, type, false, posted())).toMatchObject(refused);
  expect(producer.sendBatch(BODY, "array", true, () => {})).toMatchObject(refused);
  expect(await settled.promise).toMatchObject({ error: { code: "delivery-abandoned" } });
  await abandoning;
  expect(producer.status().queuedRecords).toBe(0);
});

test("after close nothing is taken, and closing again is nothing", async () => {
  await using service = await start();
  const { producer, type } = service;
  await producer.close();
  await producer.close();
  expect(producer.send(BODY, type, false, posted())).toMatchObject({ code: "draining" });
  expect(producer.sendBatch(BODY, "array", true, () => {})).toMatchObject({ code: "draining" });
  expect(await producer.flush(10)).toBeTrue();
});

test("an offset that Kafka does not tell is null, for one event and for many", async () => {
  // With acks=0 Kafka tells none; the configuration refuses it, so it is set behind its back.
  await using service = await start({ acks: 0, "enable.idempotence": false });
  const { producer, type } = service;
  const unknown = { topic: type.topic, partition: expect.any(Number), offset: null };
  const settled = Promise.withResolvers<Delivery>();
  producer.send(BODY, type, false, posted(settled.resolve));
  expect(await settled.promise).toEqual({ ...unknown, timestamp: expect.any(Number) });
  const done = Promise.withResolvers<unknown>();
  const events = Buffer.from(`[{"type":"${type.name}","data":1},{"type":"${type.name}","data":2}]`);
  const batch = producer.sendBatch(events, "array", false, done.resolve) as Batch;
  await done.promise;
  for (const index of [0, 1])
    expect(batch.deliveryAt(index)).toEqual({ ...unknown, timestamp: expect.any(Number) });
});
