import { expect, test } from "bun:test";
import { Hono } from "hono";
import { failure } from "../../../src/domain/errors.ts";
import type { Receipt } from "../../../src/domain/receipt.ts";
import { createAnswers } from "../../../src/http/answer.ts";
import { locationOf } from "../../../src/http/receipt.ts";
import { receiptRoutes } from "../../../src/http/routes/receipts.ts";

const POSITION = { topic: "events", partition: 2, offset: 7, timestamp: 1_704_110_400_000 };

test.each<Receipt>([
  { status: "delivered", id: "a", ...POSITION },
  { status: "delivered", id: "a", ...POSITION, offset: null, timestamp: null },
  { status: "stored", id: "a" },
  { status: "accepted", id: "a" },
])("what is known is 200, as it is: %j", async (receipt) => {
  const response = await get(locationOf("a")!, () => receipt);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toEqual(receipt);
});

test("why an event failed is its problem", async () => {
  const error = failure("kafka-rejected", "no");
  const response = await get(locationOf("a")!, (id) => ({ status: "failed", id, error }));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    status: "failed",
    id: "a",
    error: {
      type: "urn:sidepost:problem:kafka-rejected",
      title: "Kafka refused the event",
      status: 502,
      detail: "no",
      code: "kafka-rejected",
      retriable: false,
      event_id: "a",
    },
  });
});

test("what is not known is a problem", async () => {
  const unknown = await get(locationOf("a")!, () => failure("unknown-receipt", "nothing"));
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ code: "unknown-receipt", retriable: false });
  const unavailable = await get(locationOf("a")!, () =>
    failure("receipts-unavailable", "disk", { retryAfter: 1 }),
  );
  expect(unavailable.status).toBe(503);
  expect(unavailable.headers.get("retry-after")).toBe("1");
});

test.each([
  "user_created_20240101120000_x5r2no9800000",
  "мой-\n-id",
  "a/b",
  "a%2Fb",
  "100%",
  "?#&+ ;=\\",
  "\0",
  "a.",
  "...",
])("an id may hold any characters: %j", async (id) => {
  const path = locationOf(id)!;
  expect(path).toMatch(/^\/api\/v1\/events\/[!-~]+$/);
  const response = await get(path, (asked) => ({ status: "accepted", id: asked }));
  expect(await response.json()).toEqual({ status: "accepted", id });
});

test.each(["stats", ".", ".."])("the id %j has no place of its own", (id) => {
  expect(locationOf(id)).toBeUndefined();
});

function get(path: string, lookup: (id: string) => Receipt | ReturnType<typeof failure>) {
  const answers = createAnswers({ draining: () => false });
  const app = new Hono().route(
    "/",
    receiptRoutes(answers, async (id) => lookup(id)),
  );
  return app.fetch(new Request(`http://localhost${path}`));
}
