import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load.ts";
import type { Logger } from "../../../src/domain/logger.ts";
import { createProducer } from "../../../src/infrastructure/kafka/producer.ts";

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const BODY = Buffer.from('{"data":1}');

/** A producer on a cluster in this process. */
async function start() {
  const loaded = loadConfig(
    { KAFKA_BROKER_LIST: "embedded" },
    { readFile: () => "", checkProperty: () => undefined },
  );
  if ("faults" in loaded) throw new Error(loaded.faults.join());
  const { config } = loaded;
  const contact = Promise.withResolvers<void>();
  const producer = await createProducer({
    config,
    logger: SILENT,
    onStatistics() {},
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
    producer.send(BODY, type, () => {
      settled++;
      if (toCome-- > 0) send();
    });
  };
  send();
  expect(await producer.flush(10_000)).toBeTrue();
  expect(settled).toBe(6);
  expect(producer.status().queuedRecords).toBe(0);
});

test("after close nothing is taken, and closing again is nothing", async () => {
  await using service = await start();
  const { producer, type } = service;
  await producer.close();
  await producer.close();
  expect(producer.send(BODY, type, () => {})).toMatchObject({ code: "draining" });
  expect(producer.sendBatch(BODY, "array", true, () => {})).toMatchObject({ code: "draining" });
  expect(await producer.flush(10)).toBeTrue();
});
