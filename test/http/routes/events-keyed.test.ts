import { waitUntil } from "../../helpers/wait.ts";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Answer, composeForTest, NO_BROKER, type TestApp } from "../../helpers/app.ts";

const USER = "/api/v1/events/user";
const MANY = "/api/v1/events";
const EVENT = { type: "user", data: 1 };
/** The embedded broker then answers after 300 ms. */
const SLOW = { "test.mock.broker.rtt": "300" };

let service: TestApp;
beforeAll(async () => {
  service = await composeForTest();
});
afterAll(() => service[Symbol.asyncDispose]());

test("the same post with the same key makes one record, and gets the same answer", async () => {
  await using alone = await composeForTest();
  const first = await alone.post(USER, { data: 1 }, key("a"));
  expect(first.status).toBe(201);
  expect(first.headers.has("idempotency-replayed")).toBeFalse();
  // Quoted, as the draft has it, or bare.
  for (const header of ["a", '"a"']) {
    const again = await alone.post(USER, { data: 1 }, key(header));
    expectReplay(again, first);
    expect(again.headers.get("content-security-policy")).toBe(first.headers.get("content-security-policy"));
  }
  expect(await published(alone)).toBe(1);
});

test("a batch with a key is sent once, all delivered or all accepted", async () => {
  await using alone = await composeForTest();
  const first = await alone.post(MANY, [EVENT, EVENT], key("b"));
  expect(first).toMatchObject({ status: 200, receipts: [{ status: "delivered" }, { status: "delivered" }] });
  expectReplay(await alone.post(MANY, [EVENT, EVENT], key("b")), first);
  const headers = { ...key("c"), prefer: "respond-async" };
  const accepted = await alone.post(MANY, [EVENT], headers);
  expect(accepted.status).toBe(202);
  const again = await alone.post(MANY, [EVENT], headers);
  expectReplay(again, accepted);
  expect(again.headers.get("preference-applied")).toBe("respond-async");
  const single = await alone.post(USER, { data: 1 }, { ...key("one"), prefer: "respond-async" });
  expect(single.headers.has("location")).toBeTrue();
  expectReplay(await alone.post(USER, { data: 1 }, { ...key("one"), prefer: "respond-async" }), single);
  await alone.app.producer.flush(5000);
  expect(await published(alone)).toBe(4);
});

test("the key with another body, path, query or framing is 422, and nothing is taken", async () => {
  const first = await service.post(MANY, [EVENT], key("d"));
  const before = await published(service);
  const others = [
    await service.post(MANY, [EVENT, EVENT], key("d")),
    await service.post(`${MANY}?atomic=true`, [EVENT], key("d")),
    await service.post(MANY, [EVENT], { ...key("d"), "content-type": "application/x-ndjson" }),
    await service.post(USER, { data: 1 }, key("d")),
  ];
  for (const answer of others) {
    expect(answer).toMatchObject({
      status: 422,
      problem: { code: "idempotency-key-reused", retriable: false },
    });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  }
  expect(await published(service)).toBe(before);
  expectReplay(await service.post(MANY, [EVENT], key("d")), first);
});

test("while the first post waits the same one is 409 with Retry-After", async () => {
  await using slow = await composeForTest({}, SLOW);
  const first = slow.post(USER, { data: 1 }, key("e"));
  while (slow.app.producer.status().queuedRecords === 0) await Bun.sleep(1);
  const busy = await slow.post(USER, { data: 1 }, key("e"));
  expect(busy).toMatchObject({ status: 409, problem: { code: "idempotency-key-busy", retriable: true } });
  expect(busy.headers.get("retry-after")).toBe("1");
  expectReplay(await first.then(() => slow.post(USER, { data: 1 }, key("e"))), await first);
  expect(await published(slow)).toBe(1);
});

test("after a 504 the event is on its way still, and a retry gets its receipt", async () => {
  await using slow = await composeForTest({}, SLOW);
  const late = await slow.post(USER, { data: 1 }, { ...key("f"), prefer: "wait=0" });
  expect(late).toMatchObject({ status: 504, problem: { code: "delivery-timeout" } });
  expectReplay(await slow.post(USER, { data: 1 }, { ...key("f"), prefer: "wait=0" }), late);
  const retry = await slow.post(USER, { data: 1 }, key("f"));
  expect(retry).toMatchObject({ status: 201, body: { status: "delivered", id: late.problem.event_id } });
  expect(retry.headers.get("idempotency-replayed")).toBe("true");
  expectReplay(await slow.post(USER, { data: 1 }, key("f")), retry);
  expect(await published(slow)).toBe(1);
});

test("after a 207 of events on their way a retry gets their receipts", async () => {
  await using slow = await composeForTest({}, SLOW);
  const late = await slow.post(MANY, [EVENT, EVENT], { ...key("g"), prefer: "wait=0" });
  expect(late).toMatchObject({ status: 207, receipts: [{ status: "failed" }, { status: "failed" }] });
  const retry = await slow.post(MANY, [EVENT, EVENT], key("g"));
  expect(retry).toMatchObject({ status: 200, receipts: [{ status: "delivered" }, { status: "delivered" }] });
  expect(retry.headers.get("idempotency-replayed")).toBe("true");
  expect(await published(slow)).toBe(2);
});

test("what was taken and is surely not in Kafka is sent again with its key", async () => {
  await using lonely = await composeForTest({ ...NO_BROKER, RDKAFKA_MESSAGE_TIMEOUT_MS: "50" });
  const posts = [
    [USER, { data: 1 }, 504],
    [MANY, [EVENT, EVENT], 207],
  ] as const;
  for (const [path, body, status] of posts) {
    const first = await lonely.post(path, body, key(path));
    expect(first.status).toBe(status);
    const again = await lonely.post(path, body, key(path));
    expect(again.status).toBe(status);
    expect(again.headers.has("idempotency-replayed")).toBeFalse();
    expect(again.text).not.toBe(first.text);
    expect(first.text).not.toContain("nowhere");
  }
  const { body } = await lonely.get("/api/v1/events/stats");
  expect(body).toMatchObject({ failed: 6, pending: 0 });
}, 20_000);

test("what was given up on the wire may be in Kafka, and is not sent again with its key", async () => {
  await using slow = await composeForTest({}, SLOW);
  // From then on the client knows the topic, and the next event goes on the wire at once.
  expect(await slow.post(USER, { data: 0 })).toMatchObject({ status: 201 });
  const waiting = slow.post(USER, { data: 1 }, key("h"));
  await Bun.sleep(100);
  await slow.app.producer.abandon();
  const first = await waiting;
  expect(first).toMatchObject({ status: 503, problem: { code: "delivery-abandoned" } });
  expectReplay(await slow.post(USER, { data: 1 }, key("h")), first);
});

test("where nothing was taken the key is free: the post may be put right, or come when there is room", async () => {
  await using full = await composeForTest(
    { ...NO_BROKER, RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "2" },
    { "message.timeout.ms": "500" },
  );
  const send = (body: unknown, name: string) =>
    full.post(USER, body, { ...key(name), prefer: "respond-async" });
  expect(await send({ dat: 1 }, "i")).toMatchObject({ status: 422, problem: { code: "invalid-event" } });
  expect((await send({ data: 1 }, "i")).status).toBe(202);
  expect((await send({ data: 1 }, "j")).status).toBe(202);
  const refused = await send({ data: 1 }, "k");
  expect(refused).toMatchObject({ status: 503, problem: { code: "admission-closed" } });
  expect(refused.headers.get("retry-after")).toBe("1");
  await waitUntil(
    () => full.app.producer.status().queuedRecords === 0 || undefined,
    10_000,
    () => new Error("there is no room"),
  );
  const taken = await send({ data: 1 }, "k");
  expect(taken).toMatchObject({ status: 202 });
  expect(taken.headers.has("idempotency-replayed")).toBeFalse();
});

test("a key that cannot be read is 400, and says what is allowed", async () => {
  const before = await published(service);
  for (const header of ['"open', "a, b", "k".repeat(256)]) {
    const answer = await service.post(USER, { data: 1 }, key(header));
    expect(answer).toMatchObject({ status: 400, problem: { code: "idempotency-key-malformed" } });
    expect(answer.problem.detail).toContain("1 to 255 visible ASCII characters");
    expect(answer.problem.detail.length).toBeLessThan(300);
  }
  expect(await published(service)).toBe(before);
});

test("the window is IDEMPOTENCY_WINDOW, and the memory that keys take is shown", async () => {
  await using brief = await composeForTest({ IDEMPOTENCY_WINDOW: "1ms" });
  const first = await brief.post(USER, { data: 1 }, key("l"));
  const { text } = await brief.admin("/metrics");
  expect(text).toContain("producer_idempotency_keys 1\n");
  expect(Number(/^producer_idempotency_bytes (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(first.text.length);
  await Bun.sleep(5);
  const later = await brief.post(USER, { data: 1 }, key("l"));
  expect(later.status).toBe(201);
  expect(later.body["id"]).not.toBe(first.body["id"]);
});

const key = (name: string) => ({ "idempotency-key": name });

function expectReplay(answer: Answer, first: Answer): void {
  expect({ status: answer.status, text: answer.text }).toEqual({ status: first.status, text: first.text });
  expect(answer.headers.get("idempotency-replayed")).toBe("true");
  for (const name of ["content-type", "location", "retry-after"])
    expect(answer.headers.get(name)).toBe(first.headers.get(name));
}

const published = async ({ get }: TestApp): Promise<number> =>
  Number((await get("/api/v1/events/stats")).body["published"]);
