import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from "@platformatic/kafka";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import type { Sidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { ask, idOf, idsOf, metricsOf, MINUTE, newTopic, post, startOn } from "./support.ts";

setDefaultTimeout(MINUTE);

// Two of three brokers are up: a topic that wants all three in sync takes nothing, and one that wants two takes all.
let kafka: Kafka;
const topics: string[] = [];
beforeAll(async () => {
  kafka = await startKafka({ brokers: 3 });
  for (let count = 0; count < 3; count++) {
    topics.push(await newTopic(kafka, 1, { "min.insync.replicas": "3" }));
  }
  await kafka.stopBroker(2);
}, 2 * MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

const shortOfReplicas = (): string => topics.pop() ?? "";

/** Lets a topic take records while a broker is missing. */
async function restore(topic: string): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: kafka.bootstrap.split(",").slice(0, 2) });
  const config = { name: "min.insync.replicas", value: "2" };
  try {
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configs: [{ ...config, configOperation: IncrementalAlterConfigOperationTypes.SET }],
        },
      ],
    });
  } finally {
    await admin.close();
  }
}

/** Resolves when the statistics know of so many retries. */
async function untilRetries({ url }: Sidepost, atLeast: number): Promise<number> {
  const retries = async (): Promise<number> => {
    const { body } = await ask(`${url}/api/v1/events/stats`);
    return (body as { retries: number }).retries;
  };
  const check = async () => {
    const seen = await retries();
    return seen >= atLeast ? seen : undefined;
  };
  return waitUntil(check, 30_000, () => new Error(`${atLeast} retries did not come`));
}

test("KAFKA_MAX_RETRIES ends an event, after waits that double, and every retry is counted and logged", async () => {
  const topic = shortOfReplicas();
  await using sidepost = await startOn(kafka.bootstrap, topic, {
    KAFKA_RETRY_BACKOFF: "500ms",
    RDKAFKA_DEBUG: "msg",
    LOG_LEVEL: "debug",
  });
  expect(sidepost.log).toContainEqual(
    expect.objectContaining({ msg: "Kafka producer created", max_retries: 3, backoff: "500ms" }),
  );
  const failed = await post(sidepost, "/user", { data: {} });
  expect(failed).toMatchObject({
    status: 503,
    body: { code: "kafka-unavailable", retriable: true, detail: expect.stringContaining("in-sync replicas") },
  });

  // The event's own line comes after those of its tries.
  await sidepost.waitForLog(({ msg }) => msg === "Event failed");
  const tries = sidepost.log.filter(({ detail }) => String(detail).includes("encountered error"));
  expect(tries.length).toBe(4);
  const times = tries.map(({ time }) => Date.parse(String(time)));
  const [first = 0, second = 0, third = 0] = times.slice(1).map((time, index) => time - times[index]!);
  expect(first).toBeGreaterThan(300); // 500 ms less the jitter, and what a line may be late
  expect(second).toBeGreaterThan(700);
  expect(third).toBeGreaterThan(1500);
  expect(third).toBeGreaterThan(first);

  expect(await untilRetries(sidepost, 3)).toBe(3);
  const { samples } = (await metricsOf(sidepost)).get("producer_retries_total")!;
  expect([...samples.values()]).toEqual([3]);
  expect(await sidepost.waitForLog(({ attempt }) => attempt === 4)).toMatchObject({
    level: "warn",
    msg: "retrying publish",
    backoff: "2000ms",
    error: "Broker: Not enough in-sync replicas",
  });
  const lines = sidepost.log.filter(({ msg }) => msg === "retrying publish");
  expect(lines.reduce((sum, { count }) => sum + Number(count), 0)).toBe(3);

  await restore(topic);
  const after = await post(sidepost, "/user", { data: {} });
  expect(after.status).toBe(201);
  expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual(idsOf(after));
});

test("an event that Kafka takes at last is one record, and its answer says where", async () => {
  const topic = shortOfReplicas();
  await using sidepost = await startOn(kafka.bootstrap, topic, { KAFKA_MAX_RETRIES: "1000" });
  const waiting = [
    post(sidepost, "/user", { data: {} }),
    post(sidepost, "", [{ type: "order", data: {} }]),
  ] as const;
  await untilRetries(sidepost, 4);
  await restore(topic);
  const [one, many] = await Promise.all(waiting);
  expect(one).toMatchObject({ status: 201, body: { status: "delivered", topic } });
  expect(many).toMatchObject({ status: 200, body: { receipts: [{ status: "delivered", topic }] } });
  const records = await consume(kafka.bootstrap, topic);
  expect(records.map(idOf).toSorted()).toEqual([...idsOf(one), ...idsOf(many)].toSorted());
});

test("however many retries there are, each waits its turn", async () => {
  const topic = shortOfReplicas();
  await using sidepost = await startOn(kafka.bootstrap, topic, {
    KAFKA_MAX_RETRIES: "40",
    RDKAFKA_RETRY_BACKOFF_MAX_MS: "100",
  });
  const before = performance.now();
  expect(await post(sidepost, "/user", { data: {} })).toMatchObject({ status: 503 });
  // Only the first wait has jitter to lose: the others are cut to the longest.
  expect(performance.now() - before).toBeGreaterThan(3900);
  expect(await untilRetries(sidepost, 40)).toBe(40);
});
