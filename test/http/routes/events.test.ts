import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Answer, composeForTest, NO_BROKER, request, type TestApp } from "../../helpers/app.ts";
import { waitUntil } from "../../helpers/wait.ts";

const USER = "/api/v1/events/user";
const MANY = "/api/v1/events";

let service: TestApp;
beforeAll(async () => {
  service = await composeForTest({ SERVER_MAX_BODY: "64KiB", RDKAFKA_MESSAGE_MAX_BYTES: "20000" });
});
afterAll(() => service[Symbol.asyncDispose]());

test("a post is answered 201 when Kafka has the event, with where it is", async () => {
  const { status, headers, body } = await service.post(USER, { data: '{"user_id": "123"}' });
  expect(status).toBe(201);
  expect(headers.get("content-type")).toBe("application/json");
  expect(headers.has("preference-applied")).toBeFalse();
  expect(body).toEqual({
    status: "delivered",
    id: expect.stringMatching(/^user_created_\d{14}_[0-9a-z]{13}$/),
    topic: "events",
    partition: expect.any(Number),
    offset: expect.any(Number),
    timestamp: expect.any(Number),
  });
});

test("the requirements' three events have their types", async () => {
  for (const name of ["user", "order", "payment"]) {
    const { status, body } = await service.post(`/api/v1/events/${name}`, { data: {} });
    expect(status).toBe(201);
    expect(body["id"]).toStartWith(`${name}_created_`);
  }
});

test("an id of the poster's own is kept", async () => {
  const { body } = await service.post(USER, { data: 1, id: "мой-\n-id" });
  expect(body).toMatchObject({ status: "delivered", id: "мой-\n-id" });
});

test("respond-async is answered 202 at once, and the event is delivered all the same", async () => {
  const before = await published(service);
  const { status, headers, body } = await service.post(USER, { data: 1 }, { prefer: "respond-async" });
  expect(status).toBe(202);
  expect(headers.get("preference-applied")).toBe("respond-async");
  expect(body).toEqual({ status: "accepted", id: expect.any(String) });
  await waitUntil(async () => ((await published(service)) > before ? true : undefined), 5000, lost);
});

test("202 says where the receipt will be found; a delivered event's is in the answer, a batch's are by their ids", async () => {
  const quick = { prefer: "respond-async" };
  const located = async (path: string, body: unknown, headers = {}) =>
    (await service.post(path, body, headers)).headers.get("location");
  const { body, headers } = await service.post(USER, { data: 1 }, quick);
  expect(headers.get("location")).toBe(`/api/v1/events/${String(body["id"])}`);
  expect(await located(USER, { data: 1, id: "a/b ü" }, quick)).toBe("/api/v1/events/a%2Fb%20%C3%BC");
  expect(await located(USER, { data: 1, id: "stats" }, quick)).toBeNull();
  expect(await located(USER, { data: 1 })).toBeNull();
  expect(await located(MANY, [{ type: "user", data: 1 }], quick)).toBeNull();
});

test("an id that nothing is known of is 404, and counted by its route", async () => {
  const answer = await service.get("/api/v1/events/nobody%20knows");
  expectProblem(answer, 404, "unknown-receipt", false);
  expect(answer.problem.detail).toStartWith(
    'nothing is known of an event with the id "nobody knows"; known are: ',
  );
  expect((await service.admin("/metrics")).text).toContain(
    'http_requests_total{method="GET",route="/api/v1/events/:id",status="404"} 1',
  );
});

test("wait=N is heard", async () => {
  const { status, headers } = await service.post(USER, { data: 1 }, { prefer: "wait=5" });
  expect(status).toBe(201);
  expect(headers.get("preference-applied")).toBe("wait=5");
});

test("EVENTS_ACK=accepted makes 202 the default, and a post may still wait", async () => {
  await using quick = await composeForTest({ EVENTS_ACK: "accepted" });
  expect((await quick.post(USER, { data: 1 })).status).toBe(202);
  expect((await quick.post(MANY, [{ type: "user", data: 1 }])).status).toBe(202);
  expect((await quick.post(USER, { data: 1 }, { prefer: "wait=5" })).status).toBe(201);
});

test("what Kafka does not confirm in time is 504, with the id under which it may still arrive", async () => {
  await using slow = await composeForTest({}, { "test.mock.broker.rtt": "300" });
  const answer = await slow.post(USER, { data: 1, id: "late" }, { prefer: "wait=0" });
  expectProblem(answer, 504, "delivery-timeout", true);
  expect(answer.problem.event_id).toBe("late");
  expect(answer.headers.get("retry-after")).toBe("1");
  await waitUntil(async () => ((await published(slow)) === 1 ? true : undefined), 5000, lost);
  expect((await slow.get("/api/v1/events/stats")).body).toMatchObject({ failed: 0, pending: 0 });
});

test("an event that librdkafka gives up is 504, and failed", async () => {
  await using lonely = await composeForTest({ ...NO_BROKER, RDKAFKA_MESSAGE_TIMEOUT_MS: "50" });
  const answer = await lonely.post(USER, { data: 1 });
  expectProblem(answer, 504, "delivery-timeout", true);
  expect(answer.problem.event_id).toStartWith("user_created_");
  expect((await lonely.get("/api/v1/events/stats")).body).toMatchObject({
    failed: 1,
    error_rate: 1,
    pending: 0,
  });
});

test("a body that is not JSON is 400", async () => {
  for (const body of ["", "{", "{'data': 1}", '{"data":1} {}'])
    expectProblem(await service.post(USER, body), 400, "malformed-body", false);
  expectProblem(await service.post(USER, new Uint8Array([0x22, 0xff, 0x22])), 400, "malformed-body", false);
});

test("the answer to a malformed body says where it breaks", async () => {
  const { problem } = await service.post(USER, '{\n  "data": {"ключ": 1,}\n}');
  expect(problem.detail).toBe("the body is not JSON: it breaks at line 2, byte 26");
});

test("an unknown name is 404, and the answer lists those that exist", async () => {
  const answer = await service.post("/api/v1/events/nobody", { data: 1 });
  expectProblem(answer, 404, "unknown-event", false);
  expect(answer.problem.detail).toBe(
    'no event "nobody" is configured; allowed: user, order, payment (EVENT_TYPES adds more)',
  );
});

test("a URL may be written in other ways: with a query, or percent-encoded", async () => {
  for (const path of [`${USER}?from=test`, "/api/v1/events/us%65r"])
    expect((await service.post(path, { data: 1 })).status).toBe(201);
  expect((await service.post(`${MANY}?from=test`, [{ type: "user", data: 1 }])).status).toBe(200);
  expectProblem(await service.post(`${USER}/more`, { data: 1 }), 404, "not-found", false);
  expectProblem(await service.post("/api/v1/eventsuser", { data: 1 }), 404, "not-found", false);
});

test("another method is 405, with those that are allowed", async () => {
  for (const [path, allowed] of [
    [USER, "GET, POST"],
    [MANY, "POST"],
  ] as const)
    for (const method of ["PUT", "PATCH", "DELETE", ...(path === MANY ? ["GET"] : [])]) {
      const response = await request(service.app.data, path, { method });
      expect({ method, status: response.status }).toEqual({ method, status: 405 });
      expect(response.headers.get("allow")).toBe(allowed);
      expect(await response.json()).toMatchObject({
        code: "method-not-allowed",
        detail: expect.stringContaining(method),
      });
    }
});

test("a request that is too large is 413, known or chunked", async () => {
  const body = JSON.stringify({ data: "x".repeat(70_000) });
  const known = await service.post(USER, body, { "content-length": `${body.length}` });
  const chunked = await service.post(USER, body);
  for (const answer of [known, chunked]) {
    expectProblem(answer, 413, "body-too-large", false);
    expect(answer.problem.detail).toEndWith("the limit is 65536");
  }
});

test("an event that is too large for Kafka is 413, and says which knobs there are", async () => {
  const answer = await service.post(USER, { data: ["x".repeat(30_000)] });
  expectProblem(answer, 413, "event-too-large", false);
  expect(answer.problem.detail).toContain("RDKAFKA_MESSAGE_MAX_BYTES");
});

test("another content type is 415, and its parameters and case do not matter", async () => {
  const typed = (type: string, path = USER) => service.post(path, { data: 1 }, { "content-type": type });
  const answer = await typed("text/plain");
  expectProblem(answer, 415, "unsupported-media-type", false);
  expect(answer.problem.detail).toBe("the content type is text/plain; allowed: application/json");
  expectProblem(await typed("application/x-ndjson"), 415, "unsupported-media-type", false);
  expectProblem(await typed("application/xml", MANY), 415, "unsupported-media-type", false);
  for (const type of ["application/json; charset=utf-8", "Application/JSON"])
    expect((await typed(type)).status).toBe(201);
  const untyped = { method: "POST", body: new TextEncoder().encode('{"data":1}') };
  expect((await request(service.app.data, USER, untyped)).status).toBe(201);
});

test("a compressed body is 415, and says so; identity is none", async () => {
  const body = Bun.gzipSync('{"data":1}');
  for (const path of [USER, MANY]) {
    const answer = await service.post(path, body, { "content-encoding": "gzip" });
    expectProblem(answer, 415, "unsupported-media-type", false);
    expect(answer.problem.detail).toBe("the content encoding is gzip; none is taken");
  }
  expectProblem(
    await service.post(USER, body, { "content-encoding": "Identity" }),
    400,
    "malformed-body",
    false,
  );
  expect((await service.post(USER, { data: 1 }, { "content-encoding": "identity" })).status).toBe(201);
});

test("an invalid event is 422, and every fault has its place", async () => {
  const answer = await service.post(USER, {
    data: "not JSON",
    key: 1,
    headers: { a: 2 },
    type: "user",
    x: 1,
  });
  expectProblem(answer, 422, "invalid-event", false);
  expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual([
    "/data",
    "/key",
    "/headers/a",
    "/type",
    "/x",
  ]);
});

test("a full queue is 503 with Retry-After, for one event and for many, and takes nothing of a batch", async () => {
  await using full = await composeForTest({ ...NO_BROKER, RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "3" });
  const send = () => full.post(USER, { data: 1 }, { prefer: "respond-async" });
  expect([(await send()).status, (await send()).status]).toEqual([202, 202]);
  const event = { type: "user", data: 1 };
  const many = await full.post(MANY, [event, event], { prefer: "respond-async" });
  expectProblem(many, 503, "admission-closed", true);
  expect(many.headers.get("retry-after")).toBe("1");
  expect((await send()).status).toBe(202);
  const one = await send();
  expectProblem(one, 503, "admission-closed", true);
  expect(one.headers.get("retry-after")).toBe("1");
  const { body } = await full.get("/api/v1/events/stats");
  expect(body).toMatchObject({ rejected: 2, published: 0, failed: 0, pending: 3 });
});

test("a drain still accepts, and when it has given up everything is 503", async () => {
  await using closing = await composeForTest();
  closing.app.lifecycle.beginDrain();
  const last = await closing.post(USER, { data: 1 });
  expect(last.status).toBe(201);
  expect(last.headers.get("connection")).toBe("close");
  closing.app.refuse();
  await closing.app.producer.abandon();
  const refused = await closing.post(USER, { data: 1 });
  expectProblem(refused, 503, "draining", true);
  expect(refused.headers.get("retry-after")).toBe("1");
  expectProblem(await closing.post(MANY, [{ type: "user", data: 1 }]), 503, "draining", true);
});

test("statistics have every figure, in all and by type", async () => {
  await using counted = await composeForTest({ EVENT_TYPES: "refund=payment_refunded" });
  await counted.post(USER, { data: 1 });
  await counted.post("/api/v1/events/refund", { data: 1 });
  await counted.post(USER, { data: "" });
  await counted.post("/api/v1/events/nobody", { data: 1 });
  const { status, body } = await counted.get("/api/v1/events/stats");
  expect(status).toBe(200);
  const one = { published: 1, failed: 0, rejected: 0, avg_publish_time_ms: expect.any(Number) };
  const none = { published: 0, failed: 0, rejected: 0, avg_publish_time_ms: 0 };
  expect(body).toEqual({
    published: 2,
    failed: 0,
    retries: 0,
    rejected: 2,
    pending: 0,
    spooled: 0,
    avg_publish_time_ms: expect.any(Number),
    error_rate: 0,
    by_type: {
      user_created: { ...one, rejected: 1 },
      order_created: none,
      payment_created: none,
      payment_refunded: one,
    },
  });
});

function expectProblem(answer: Answer, status: number, code: string, retriable: boolean): void {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect({ answered: answer.status, ...answer.body }).toMatchObject({
    answered: status,
    type: `urn:sidepost:problem:${code}`,
    status,
    code,
    retriable,
    detail: expect.any(String),
  });
}

const published = async ({ get }: TestApp): Promise<number> =>
  Number((await get("/api/v1/events/stats")).body["published"]);

const lost = () => new Error("the event was not delivered");
