import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readHistogram } from "../helpers/exposition.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import type { Sidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { metricsOf, MINUTE, newTopic, post, startOn } from "./support.ts";

setDefaultTimeout(MINUTE);

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** How many batches `events` went in, once librdkafka has reported on all of them, as it does each second. */
async function batchesOf(sidepost: Sidepost, events: number): Promise<number> {
  let seen: ReturnType<typeof readHistogram> | undefined;
  const check = async (): Promise<number | undefined> => {
    const metrics = await metricsOf(sidepost);
    seen = readHistogram(metrics.get("producer_batch_size")!, "producer_batch_size");
    return seen.sum === events ? seen.count : undefined;
  };
  return waitUntil(check, 10_000, () => new Error(`the batches hold ${JSON.stringify(seen)}, not ${events}`));
}

test("a lone event waits for no company: each goes in a batch of its own", async () => {
  await using sidepost = await startOn(kafka.bootstrap, await newTopic(kafka));
  for (let number = 0; number < 20; number++) {
    expect(await post(sidepost, "/user", { data: number })).toMatchObject({ status: 201 });
  }
  expect(await batchesOf(sidepost, 20)).toBe(20);
});

test("under load batches fill of themselves", async () => {
  await using sidepost = await startOn(kafka.bootstrap, await newTopic(kafka));
  const connection = async (): Promise<void> => {
    for (let number = 0; number < 30; number++) {
      expect(await post(sidepost, "/user", { data: number })).toMatchObject({ status: 201 });
    }
  };
  await Promise.all(Array.from({ length: 100 }, connection));
  expect(3000 / (await batchesOf(sidepost, 3000))).toBeGreaterThan(2);
});

test("a batch on the wire holds what was posted together, or KAFKA_BATCH_SIZE events where that is set", async () => {
  const events = Array.from({ length: 100 }, () => ({ type: "user", data: {} }));
  const topic = await newTopic(kafka);
  await using free = await startOn(kafka.bootstrap, topic);
  await using bound = await startOn(kafka.bootstrap, topic, { KAFKA_BATCH_SIZE: "10" });
  for (const sidepost of [free, bound]) {
    expect(await post(sidepost, "", events)).toMatchObject({ status: 200 });
  }
  expect(await batchesOf(free, 100)).toBeLessThan(10);
  expect(await batchesOf(bound, 100)).toBeGreaterThanOrEqual(10);
});
