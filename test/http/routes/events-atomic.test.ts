import { afterAll, beforeAll, expect, test } from "bun:test";
import { composeForTest, type TestApp } from "../../helpers/app.ts";

const ATOMIC = "/api/v1/events?atomic=true";
const EVENTS = ["user", "order"].map((type, index) => ({ type, id: `id-${index}`, data: {} }));

let service: TestApp;
beforeAll(async () => {
  service = await composeForTest({ EVENTS_ACK: "accepted" });
});
afterAll(() => service[Symbol.asyncDispose]());

test("an atomic batch is answered when it is committed, even where others are not waited for", async () => {
  const answer = await service.post(ATOMIC, EVENTS);
  expect(answer.status).toBe(200);
  expect(answer.receipts).toMatchObject(EVENTS.map(({ id }) => ({ status: "delivered", id })));
  expect(answer.headers.get("preference-applied")).toBeNull();
  expect((await service.post("/api/v1/events?atomic=false", EVENTS)).status).toBe(202);
});

test("NDJSON and wait=N go with it", async () => {
  const lines = EVENTS.map((event) => JSON.stringify(event)).join("\n");
  const answer = await service.post(ATOMIC, lines, {
    "content-type": "application/x-ndjson",
    prefer: "wait=5",
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("preference-applied")).toBe("wait=5");
});

test("no events at all are committed, too", async () => {
  expect((await service.post(ATOMIC, "[]")).body).toEqual({ receipts: [] });
});

test.each([
  [ATOMIC, EVENTS, { prefer: "respond-async" }, 400, "invalid-parameter"],
  ["/api/v1/events?atomic=yes", EVENTS, {}, 400, "invalid-parameter"],
  [ATOMIC, "{", {}, 400, "malformed-body"],
  [ATOMIC, [{ type: "nobody" }], {}, 422, "invalid-event"],
  [ATOMIC, EVENTS, { "content-type": "text/plain" }, 415, "unsupported-media-type"],
])("%s with %j and %j is answered %d %s", async (path, body, headers, status, code) => {
  const answer = await service.post(path, body, headers as Record<string, string>);
  expect({ status: answer.status, code: answer.problem.code }).toEqual({ status, code } as never);
});

test("on a single post it says nothing", async () => {
  expect((await service.post("/api/v1/events/user?atomic=true", { data: {} })).status).toBe(202);
});
