import { afterAll, beforeAll, expect, test } from "bun:test";
import { composeForTest, type TestApp } from "../helpers/app.ts";
import { type ConsumedRecord, consume } from "../helpers/consume.ts";

// Each test has a topic of its own, by an event type of its own.
const TOPICS = ["plain", "own", "digits", "text", "unicode", "ordered", "mixed", "extra"];
const EVENT_TYPES = TOPICS.map((name) => `${name}=${name}_happened@${name}s`).join(",");

let structured: TestApp;
let binary: TestApp;
beforeAll(async () => {
  structured = await composeForTest({ EVENT_TYPES, APP_NAME: "checkout" });
  binary = await composeForTest({ EVENT_TYPES, APP_NAME: "checkout", EVENT_FORMAT: "binary" });
});
afterAll(async () => {
  await structured[Symbol.asyncDispose]();
  await binary[Symbol.asyncDispose]();
});

const valueOf = ({ value }: ConsumedRecord): string => String(value);
const headersOf = ({ headers }: ConsumedRecord) => headers.map(([name, value]) => [name, String(value)]);

/** Posts one event, and returns what Kafka holds of it. */
async function roundTrip({ post, bootstrap }: TestApp, name: string, body: unknown): Promise<ConsumedRecord> {
  const answer = await post(`/api/v1/events/${name}`, body);
  expect(answer.status).toBe(201);
  const [record] = await consume(bootstrap, `${name}s`, { count: 1 });
  expect(record).toMatchObject({ partition: answer.body["partition"], offset: answer.body["offset"] });
  return record!;
}

test("a structured record is a CloudEvent as one JSON object", async () => {
  const began = Date.now();
  const record = await roundTrip(structured, "plain", { data: { a: [1, "b", null] } });
  const event = JSON.parse(valueOf(record));
  expect(event).toEqual({
    specversion: "1.0",
    id: expect.stringMatching(/^plain_happened_\d{14}_[0-9a-z]{13}$/),
    source: "checkout",
    type: "plain_happened",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    datacontenttype: "application/json",
    data: { a: [1, "b", null] },
  });
  expect(Date.parse(event.time)).toBeGreaterThanOrEqual(began);
  expect(record.key).toBeNull();
  expect(headersOf(record)).toEqual([["content-type", "application/cloudevents+json; charset=UTF-8"]]);
});

test("a binary record has the attributes in headers, and the data alone as its value", async () => {
  const time = "2024-01-01T12:00:00+03:00";
  const body = { data: { a: 1 }, id: "id-1", time, key: "k", headers: { trace: "1" } };
  const record = await roundTrip(binary, "plain", body);
  expect(valueOf(record)).toBe('{"a":1}');
  expect(String(record.key)).toBe("k");
  expect(headersOf(record)).toEqual([
    ["ce_specversion", "1.0"],
    ["ce_id", "id-1"],
    ["ce_source", "checkout"],
    ["ce_type", "plain_happened"],
    ["ce_time", time],
    ["content-type", "application/json"],
    ["trace", "1"],
  ]);
});

test("id, time, key and headers of the poster's own arrive as they are", async () => {
  const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", empty: "" };
  const body = { data: 1, id: 'a "quoted" \\ id', time: "2024-02-29T23:59:59.123456789Z", key: "", headers };
  const record = await roundTrip(structured, "own", body);
  expect(JSON.parse(valueOf(record))).toMatchObject({ id: body.id, time: body.time, data: 1 });
  expect(record.key).toEqual(Buffer.alloc(0));
  expect(headersOf(record).slice(1)).toEqual(Object.entries(headers));
});

test("numbers keep every digit, and data stays byte for byte what was posted", async () => {
  const data =
    '{"big": 12345678901234567890123,"exact":0.10000000000000000555,"money":1.10,"exp":1E400,"a":1,"a":2}';
  for (const service of [structured, binary]) {
    const record = await roundTrip(service, "digits", `{"data":${data}}`);
    expect(valueOf(record)).toContain(data);
  }
});

test("data posted as JSON text is data, not a string", async () => {
  const data = '{"user_id": "123", "balance": 12345678901234567890}';
  for (const service of [structured, binary]) {
    const value = valueOf(await roundTrip(service, "text", { data }));
    expect(service === binary ? value : value.slice(value.indexOf('"data":') + 7, -1)).toBe(data);
  }
});

test("every script and symbol arrives", async () => {
  const words = "Привет, 世界 😀 \u0000 \u2028 é e\u0301";
  const body = { data: { [words]: words }, key: words, id: words, headers: { [words.slice(0, 14)]: words } };
  const record = await roundTrip(structured, "unicode", body);
  expect(JSON.parse(valueOf(record))).toMatchObject({ id: words, data: { [words]: words } });
  expect(String(record.key)).toBe(words);
});

test("events of one key are in one partition, in the order of their posts", async () => {
  const keys = ["a", "b", "c", "d", "e"];
  for (let round = 0; round < 10; round++)
    await structured.post(
      "/api/v1/events",
      keys.map((key) => ({ type: "ordered", key, data: round })),
    );
  for (const key of keys)
    await structured.post("/api/v1/events/ordered", { key, data: 10 }, { prefer: "respond-async" });
  const records = await consume(structured.bootstrap, "ordereds", { count: 55 });
  for (const key of keys) {
    const own = records.filter((record) => String(record.key) === key);
    expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
    expect(own.map((record) => JSON.parse(valueOf(record)).data)).toEqual(
      Array.from({ length: 11 }, (_, i) => i),
    );
  }
});

test("a key lands where Java's clients put it", async () => {
  const { post } = structured;
  // murmur2 of each key, without its sign, by four partitions: kafka-clients' BuiltInPartitioner.partitionForKey.
  for (const [key, hash] of [
    ["21", -973_932_308],
    ["foobar", -790_332_482],
    ["abc", 479_470_107],
  ] as const) {
    const { body } = await post("/api/v1/events/extra", { data: 1, key });
    expect({ key, partition: body["partition"] }).toEqual({ key, partition: (hash & 0x7f_ff_ff_ff) % 4 });
  }
});

test("the events of a batch go to the topics of their types, each with its own attributes", async () => {
  const { post, bootstrap } = structured;
  const lines = [
    '{"type":"mixed","data":1,"id":"m-1","key":"k"}',
    '{"type":"user","data":"2","id":"u-1","headers":{"h":"v"}}',
    '{"type":"mixed","data":[3.0],"id":"m-2","key":"k"}',
  ];
  const answer = await post("/api/v1/events", lines.join("\r\n"), { "content-type": "application/x-ndjson" });
  expect(answer.receipts.map((receipt) => "topic" in receipt && receipt.topic)).toEqual([
    "mixeds",
    "events",
    "mixeds",
  ]);
  const mixed = await consume(bootstrap, "mixeds", { count: 2 });
  expect(mixed.map((record) => JSON.parse(valueOf(record)))).toMatchObject([
    { id: "m-1", type: "mixed_happened", data: 1 },
    { id: "m-2", type: "mixed_happened", data: [3] },
  ]);
  const [user] = await consume(bootstrap, "events", { count: 1 });
  expect(JSON.parse(valueOf(user!))).toMatchObject({ id: "u-1", type: "user_created", data: 2 });
  expect(headersOf(user!)).toContainEqual(["h", "v"]);
});
