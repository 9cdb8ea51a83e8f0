import { afterAll, beforeAll, expect, test } from "bun:test";
import { composeForTest, NO_BROKER, type TestApp } from "../../helpers/app.ts";

const MANY = "/api/v1/events";
const NDJSON = { "content-type": "application/x-ndjson" };

let service: TestApp;
beforeAll(async () => {
  service = await composeForTest({ RDKAFKA_MESSAGE_MAX_BYTES: "20000" });
});
afterAll(() => service[Symbol.asyncDispose]());

test("an array is answered 200 with a receipt for each event, in its order", async () => {
  const events = ["user", "order", "payment", "user"].map((type, i) => ({ type, data: i, id: `id-${i}` }));
  const { status, receipts } = await service.post(MANY, events);
  expect(status).toBe(200);
  expect(receipts).toMatchObject(events.map(({ id }) => ({ status: "delivered", id, topic: "events" })));
});

test("ids are made for those events that have none", async () => {
  const { receipts } = await service.post(MANY, [
    { type: "order", data: 1 },
    { type: "order", data: 2, id: "own\nid" },
    { type: "user", data: 3 },
  ]);
  expect(receipts.map(({ id }) => id)).toEqual([
    expect.stringMatching(/^order_created_\d{14}_[0-9a-z]{13}$/),
    "own\nid",
    expect.stringMatching(/^user_created_/),
  ]);
});

test("NDJSON is taken with any line ending, blank lines and either of its names", async () => {
  const line = (id: string) => JSON.stringify({ type: "user", data: 1, id });
  const body = `\r\n${line("a")}\r\n\n \t\n${line("b")}\n${line("c")}`;
  for (const type of ["application/x-ndjson", "application/ndjson", "application/jsonl; charset=utf-8"]) {
    const { status, receipts } = await service.post(MANY, body, { "content-type": type });
    expect(status).toBe(200);
    expect(receipts.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  }
});

test("no events at all is no error", async () => {
  for (const answer of [await service.post(MANY, "[]"), await service.post(MANY, "\n", NDJSON)]) {
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ receipts: [] });
  }
});

test("a huge batch has a receipt for each event, no id twice", async () => {
  const count = 10_000;
  const lines = Array.from({ length: count }, (_, i) => `{"type":"user","data":${i}}`);
  for (const answer of [
    await service.post(MANY, `[${lines.join(",")}]`),
    await service.post(MANY, lines.join("\n"), NDJSON),
  ]) {
    expect(answer.status).toBe(200);
    const { receipts } = answer;
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(count);
    expect(receipts.every(({ status }) => status === "delivered")).toBeTrue();
  }
});

test("a batch of which some fail is 207, and each failure is a problem of its own", async () => {
  const { status, receipts } = await service.post(MANY, [
    { type: "user", data: 1, id: "small" },
    { type: "user", data: ["x".repeat(30_000)], id: "large" },
    { type: "user", data: 2 },
  ]);
  expect(status).toBe(207);
  expect(receipts).toMatchObject([
    { status: "delivered", id: "small" },
    {
      status: "failed",
      id: "large",
      error: { code: "event-too-large", status: 413, retriable: false, event_id: "large" },
    },
    { status: "delivered" },
  ]);
});

test("a batch that is not confirmed in time is 207, each event of it retriable", async () => {
  await using lonely = await composeForTest(NO_BROKER);
  const events = [
    { type: "user", data: 1, id: "a" },
    { type: "order", data: 1, id: "b" },
  ];
  const { status, receipts } = await lonely.post(MANY, events, { prefer: "wait=0" });
  expect(status).toBe(207);
  expect(receipts).toMatchObject([
    { status: "failed", id: "a", error: { code: "delivery-timeout", status: 504, retriable: true } },
    { status: "failed", id: "b", error: { code: "delivery-timeout", status: 504, retriable: true } },
  ]);
  expect((await lonely.get("/api/v1/events/stats")).body).toMatchObject({ failed: 0, pending: 2 });
});

test("respond-async is 202 with an id for each event", async () => {
  const events = [
    { type: "user", data: 1, id: "a" },
    { type: "order", data: 1, id: "b" },
  ];
  const { status, headers, receipts } = await service.post(MANY, events, { prefer: "respond-async" });
  expect(status).toBe(202);
  expect(headers.get("preference-applied")).toBe("respond-async");
  expect(receipts).toEqual([
    { status: "accepted", id: "a" },
    { status: "accepted", id: "b" },
  ]);
});

test("one invalid event refuses the whole batch, and is named", async () => {
  const before = (await service.get("/api/v1/events/stats")).body["published"];
  const events = [
    { type: "user", data: 1 },
    { type: "nobody", data: 1 },
    { type: "user", key: 1 },
  ];
  const lines = events.map((event) => JSON.stringify(event)).join("\n");
  for (const answer of [await service.post(MANY, events), await service.post(MANY, lines, NDJSON)]) {
    expect(answer.status).toBe(422);
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["/1/type", "/2/data", "/2/key"]);
  }
  expect((await service.get("/api/v1/events/stats")).body["published"]).toBe(before!);
});

test("a malformed line is 400 and named", async () => {
  const answer = await service.post(MANY, '{"type":"user","data":1}\n{"type":\n', NDJSON);
  expect(answer.status).toBe(400);
  expect(answer.problem).toMatchObject({
    code: "malformed-body",
    detail: "the body is not JSON: it breaks at line 2, byte 9",
  });
});
