import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ConsumedRecord, consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { type Answer, ASYNC, idOf, idsOf, MINUTE, NDJSON, newTopic, post, startOn } from "./support.ts";

setDefaultTimeout(MINUTE);

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** The record at the place that a receipt names. */
function recordAt(records: ConsumedRecord[], receipt: unknown): ConsumedRecord | undefined {
  return records.find(({ topic, partition, offset, timestamp }) => {
    const place: unknown = { topic, partition, offset, timestamp };
    return Bun.deepMatch(place, receipt);
  });
}

const order = (number: number) => ({ data: { order_id: number }, id: `order-${number}` });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test("every waiting post is in Kafka once, at the partition and offset of its receipt", async () => {
  const topic = await newTopic(kafka, 3);
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const answers = await Promise.all(numbers(60).map((number) => post(sidepost, "/order", order(number))));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));

  const records = await consume(kafka.bootstrap, topic);
  expect(records).toHaveLength(60);
  for (const [number, { body }] of answers.entries()) {
    const record = recordAt(records, body);
    expect(JSON.parse(String(record?.value))).toMatchObject({
      specversion: "1.0",
      id: `order-${number}`,
      type: "order_created",
      source: "producer-service",
      data: { order_id: number },
    });
  }
});

test("a post that does not wait is in Kafka once, under the id of its answer", async () => {
  const topic = await newTopic(kafka, 3);
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const answers = await Promise.all(numbers(60).map(() => post(sidepost, "/user", { data: 1 }, ASYNC)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
  const records = await consume(kafka.bootstrap, topic, { count: 60 });
  expect(records.map(idOf).toSorted()).toEqual(answers.flatMap(idsOf).toSorted());
});

test.each([
  { form: "a JSON array", headers: {}, join: (events: object[]) => JSON.stringify(events) },
  {
    form: "lines",
    headers: NDJSON,
    join: (events: object[]) => events.map((event) => JSON.stringify(event)).join("\n"),
  },
])("a batch as $form is in Kafka event by event, where its receipts say", async ({ headers, join }) => {
  const topic = await newTopic(kafka, 3);
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const events = numbers(500).map((number) => ({ type: "order", data: number, id: `order-${number}` }));
  const answer = await post(sidepost, "", join(events), headers);
  expect(answer.status).toBe(200);

  const records = await consume(kafka.bootstrap, topic);
  expect(records).toHaveLength(500);
  const placed = receiptsOf(answer).map((receipt) => recordAt(records, receipt));
  expect(placed.map((record) => record && idOf(record))).toEqual(events.map(({ id }) => id));
});

const receiptsOf = ({ body }: Answer): unknown[] => (body as { receipts: unknown[] }).receipts;

test("in binary format the value is the data alone, digit by digit, and the attributes are headers", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, { EVENT_FORMAT: "binary", APP_NAME: "shop" });
  const data = '{"amount": 12345678901234567890.10, "name": "Zoë"}';
  const event = `{"data": ${data}, "id": "p-1", "time": "2024-01-01T12:00:00Z", "key": "k", "headers": {"trace": "t"}}`;
  const { body } = await post(sidepost, "/payment", event);

  const [record] = await consume(kafka.bootstrap, topic, { count: 1 });
  expect(recordAt([record!], body)).toBeDefined();
  expect(String(record?.value)).toBe(data);
  expect(String(record?.key)).toBe("k");
  const headers = Object.fromEntries(record!.headers.map(([name, value]) => [name, String(value)]));
  expect(headers).toEqual({
    ce_specversion: "1.0",
    ce_id: "p-1",
    ce_source: "shop",
    ce_type: "payment_created",
    ce_time: "2024-01-01T12:00:00Z",
    "content-type": "application/json",
    trace: "t",
  });
});

// Apache Kafka's own vectors, of testMurmur2 in its UtilsTest.java.
const MURMUR2: Record<string, number> = {
  "21": -973932308,
  foobar: -790332482,
  "a-little-bit-long-string": -985981536,
  "a-little-bit-longer-string": -1486304829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
  abc: 479470107,
};

test("keys land in the partitions where Java clients put them, of single posts and of batches", async () => {
  const partitions = 7;
  const topic = await newTopic(kafka, partitions);
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const keys = Object.keys(MURMUR2);
  await Promise.all(keys.map((key) => post(sidepost, "/user", { data: 1, key })));
  await post(
    sidepost,
    "",
    keys.map((key) => ({ type: "user", data: 1, key })),
  );

  const records = await consume(kafka.bootstrap, topic, { count: 2 * keys.length });
  const positive = 0x7fffffff;
  for (const { key, partition } of records) {
    expect([String(key), partition]).toEqual([String(key), (MURMUR2[String(key)]! & positive) % partitions]);
  }
});
