import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { composeForTest, type TestApp } from "../helpers/app.ts";
import { consume } from "../helpers/consume.ts";
import { parseExposition } from "../helpers/exposition.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { called, openProducer } from "../native/support.ts";

setDefaultTimeout(60_000);

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, 90_000);
afterAll(() => kafka[Symbol.asyncDispose]());

const ATOMIC = "/api/v1/events?atomic=true";
const NDJSON = { "content-type": "application/x-ndjson" };
const unique = (name: string) => `${name}-${crypto.randomUUID()}`;

async function newTopic(configs: Record<string, string> = {}, partitions = 1): Promise<string> {
  const topic = unique("atomic");
  await kafka.createTopic(topic, partitions, configs);
  return topic;
}

const composeOn = (topic: string, env: Record<string, string> = {}) =>
  composeForTest({ KAFKA_BROKER_LIST: kafka.bootstrap, KAFKA_TOPIC: topic, ...env });

const events = (batch: number, count = 10) =>
  Array.from({ length: count }, (_, event) => ({ type: "user", data: { batch, event } }));

/** How many events of each batch a reader of committed records sees. */
async function visible(topic: string): Promise<Map<number, number>> {
  const records = await consume(kafka.bootstrap, topic);
  const batches = records.map(({ value }) => Number(JSON.parse(String(value)).data.batch));
  return new Map([...Map.groupBy(batches, (batch) => batch)].map(([batch, { length }]) => [batch, length]));
}

const lineOf = ({ log }: TestApp, message: string) => log.find(({ msg }) => msg === message);

test("an atomic batch is answered with where each of its events is, whatever its topics and partitions", async () => {
  const [topic, orders] = [await newTopic({}, 4), await newTopic()];
  await using app = await composeOn(topic, { EVENT_TYPES: `order=order_created@${orders}` });
  const lines = ["user", "order", "user", "user"].map((type, index) =>
    JSON.stringify({ type, id: `id-${index}`, key: `k${index}`, data: {} }),
  );
  const answer = await app.post(ATOMIC, lines.join("\n"), NDJSON);
  expect(answer.status).toBe(200);
  const records = [...(await consume(kafka.bootstrap, topic)), ...(await consume(kafka.bootstrap, orders))];
  const found = records.map(({ value, topic: place, partition, offset, timestamp }) => {
    const { id } = JSON.parse(String(value));
    return { status: "delivered", id, topic: place, partition, offset, timestamp };
  });
  const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
  expect(answer.receipts as { id: string }[]).toEqual(found.toSorted(byId));
  expect((await app.get("/api/v1/events/stats")).body).toMatchObject({ published: 4, failed: 0, pending: 0 });
});

test.each([
  { judge: "the client", configs: {}, size: 1_100_000 },
  { judge: "Kafka", configs: { "max.message.bytes": "10000" }, size: 50_000 },
])(
  "of 50 batches at once the one that $judge finds too large fails, and it alone",
  async ({ configs, size }) => {
    const topic = await newTopic(configs);
    await using app = await composeOn(topic, { KAFKA_COMPRESSION: "none" });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, batch) => {
        const posted = events(batch);
        if (batch === 17) Object.assign(posted[5]!.data, { filling: "x".repeat(size) });
        return app.post(ATOMIC, posted);
      }),
    );
    const expected = (batch: number) => (batch === 17 ? 413 : 200);
    expect(answers.map(({ status }) => status)).toEqual(answers.map((_, batch) => expected(batch)));
    expect(answers[17]?.problem).toMatchObject({ code: "event-too-large", retriable: false });
    const seen = await visible(topic);
    expect(seen.size).toBe(49);
    expect(new Set(seen.values())).toEqual(new Set([10]));
    expect((await app.get("/api/v1/events/stats")).body).toMatchObject({ published: 490, failed: 10 });
  },
);

test("a fenced producer is replaced, and what it could not commit is committed by the next", async () => {
  const topic = await newTopic();
  await using app = await composeOn(topic);
  expect((await app.post(ATOMIC, events(0))).status).toBe(200);
  const id = lineOf(app, "Transactional producer ready")?.["transactional_id"];
  await using other = await openProducer({
    "test.mock.num.brokers": 0,
    "bootstrap.servers": kafka.bootstrap,
    "transactional.id": id,
  });
  await called((done) => other.producer.initTransactions(20_000, done));
  const answers = await Promise.all([1, 2, 3].map((batch) => app.post(ATOMIC, events(batch))));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await visible(topic)).toEqual(new Map([0, 1, 2, 3].map((batch) => [batch, 10])));
  expect(lineOf(app, "Transactional producer renewed")).toMatchObject({
    level: "warn",
    transactional_id: id,
  });
  const metrics = parseExposition((await app.admin("/metrics")).text).get("producer_renewals_total");
  expect(metrics?.samples.get('producer_renewals_total{kind="transactional"}')).toBe(1);
});

test("two services of one name do not fence each other", async () => {
  const topic = await newTopic();
  await using one = await composeOn(topic);
  await using two = await composeOn(topic);
  for (let batch = 0; batch < 6; batch++) {
    expect((await (batch % 2 ? one : two).post(ATOMIC, events(batch))).status).toBe(200);
  }
  expect([...one.log, ...two.log].filter(({ msg }) => msg === "Transactional producer renewed")).toEqual([]);
});

test("with no Kafka it says after the time asked for that nothing will be seen", async () => {
  await using app = await composeForTest({ KAFKA_BROKER_LIST: "127.0.0.1:1" });
  const answer = await app.post(ATOMIC, events(1), { prefer: "wait=1" });
  expect(answer.status).toBe(503);
  expect(answer.problem).toMatchObject({ code: "kafka-unavailable", retriable: true });
  expect(answer.problem.detail).toContain("within 1000 ms");
  expect((await app.post(ATOMIC, "[{}]")).problem.code).toBe("invalid-event");
});
