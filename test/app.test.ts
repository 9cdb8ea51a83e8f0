import { expect, spyOn, test } from "bun:test";
import { composeForTest, request } from "./helpers/app.ts";

const USER = "/api/v1/events/user";
const PAGE = "https://app.example.com";

test("every answer has the secure headers, errors as well", async () => {
  await using service = await composeForTest();
  const answers = [
    await service.post(USER, { data: 1 }),
    await service.post(USER, { data: 1 }, { prefer: "respond-async" }),
    await service.post("/api/v1/events", [{ type: "user", data: 1 }]),
    await service.post(USER, "{"),
    await service.post(USER, {}),
    await service.post("/api/v1/events/nobody", {}),
    await service.post(USER, "", { "content-type": "text/plain" }),
    await service.get(USER),
    await service.get("/api/v1/events/stats"),
    await service.get("/health"),
    await service.get("/nowhere"),
    await service.admin("/metrics"),
    await service.admin("/quitquitquit", "POST"),
    await service.admin("/nowhere"),
  ];
  for (const { headers } of answers)
    expect(headers.toJSON()).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
});

test("no page of any origin may call unless it is allowed", async () => {
  await using service = await composeForTest();
  const preflight = await request(service.app.data, USER, preflightFrom(PAGE));
  expect(corsHeaders(preflight)).toEqual([]);
  const { headers } = await service.post(USER, { data: 1 }, { origin: PAGE });
  expect(corsHeaders({ headers })).toEqual([]);
});

test("pages of the configured origins may call, and read what they need of every answer", async () => {
  await using service = await composeForTest({ CORS_ORIGINS: `${PAGE},http://localhost:3000` });
  const preflight = await request(service.app.data, USER, preflightFrom(PAGE));
  expect(preflight.status).toBe(204);
  expect(preflight.headers.toJSON()).toMatchObject({
    "access-control-allow-origin": PAGE,
    "access-control-allow-methods": "GET,POST",
    "access-control-allow-headers": "content-type,idempotency-key,prefer,traceparent,tracestate",
    "access-control-max-age": "600",
  });
  for (const body of [{ data: 1 }, {}]) {
    const { headers } = await service.post(USER, body, { origin: PAGE });
    expect(headers.toJSON()).toMatchObject({
      "access-control-allow-origin": PAGE,
      "access-control-expose-headers": "idempotency-replayed,location,preference-applied,retry-after",
    });
  }
});

test("a page of another origin is not allowed in", async () => {
  await using service = await composeForTest({ CORS_ORIGINS: PAGE });
  const other = "https://evil.example.com";
  const preflight = await request(service.app.data, USER, preflightFrom(other));
  expect(preflight.headers.has("access-control-allow-origin")).toBeFalse();
  const { headers } = await service.post(USER, { data: 1 }, { origin: other });
  expect(headers.has("access-control-allow-origin")).toBeFalse();
});

test("CORS_ORIGINS=* allows every page, and the admin port none", async () => {
  await using service = await composeForTest({ CORS_ORIGINS: "*" });
  const { headers } = await service.post(USER, { data: 1 }, { origin: PAGE });
  expect(headers.get("access-control-allow-origin")).toBe("*");
  expect(corsHeaders(await request(service.app.admin, "/health", { headers: { origin: PAGE } }))).toEqual([]);
});

test("a handler that throws is a 500 with one log line, and the service lives on", async () => {
  await using service = await composeForTest();
  const status = spyOn(service.app.producer, "status").mockImplementation(() => {
    throw new Error("secret");
  });
  const { status: answered, problem, text } = await service.get("/health");
  expect(answered).toBe(500);
  expect(problem).toMatchObject({ code: "internal", retriable: true });
  expect(text).not.toContain("secret");
  const lines = service.log.filter(({ msg }) => msg === "Request failed");
  expect(lines).toEqual([
    { level: "error", msg: "Request failed", err: new Error("secret"), request: "GET /health" },
  ]);
  status.mockRestore();
  expect((await service.get("/health")).status).toBe(200);
  expect((await service.post(USER, { data: 1 })).status).toBe(201);
});

test("a post that throws is a 500 with one log line as well, counted once", async () => {
  await using service = await composeForTest();
  const send = spyOn(service.app.producer, "send").mockImplementation(() => {
    throw new Error("secret");
  });
  const answer = await service.post(USER, { data: 1 });
  expect(answer.status).toBe(500);
  expect(answer.problem).toMatchObject({ code: "internal", retriable: true });
  expect(answer.text).not.toContain("secret");
  expect(service.log.filter(({ msg }) => msg === "Request failed")).toEqual([
    { level: "error", msg: "Request failed", err: new Error("secret"), request: `POST ${USER}` },
  ]);
  const metrics = await service.admin("/metrics");
  expect(metrics.text).toContain(
    'http_requests_total{method="POST",route="/api/v1/events/:name",status="500"} 1',
  );
  send.mockRestore();
  expect((await service.post(USER, { data: 1 })).status).toBe(201);
});

test("what throws outside of any route is answered in the same way", async () => {
  await using service = await composeForTest();
  const response = service.app.recover(new Error("secret"));
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ code: "internal" });
});

test("a line for each event up to LOG_SAMPLE of a kind in a second, and one that counts the rest", async () => {
  await using service = await composeForTest({ LOG_SAMPLE: "2" });
  const events = Array.from({ length: 5 }, (_, i) => ({ type: "user", data: i, id: `id-${i}` }));
  await service.post("/api/v1/events", [...events, { type: "order", data: 1, id: "order-1" }]);
  service.app.eventLog.flush();
  const lines = service.log.filter(({ msg }) => String(msg).endsWith("published successfully"));
  const one = { level: "info", msg: "Event published successfully" };
  expect(lines).toMatchObject([
    { ...one, event_id: "id-0", event_type: "user_created", duration: expect.stringMatching(/^\d+\.\dms$/) },
    { ...one, event_id: "id-1", event_type: "user_created" },
    { ...one, event_id: "order-1", event_type: "order_created" },
    { level: "info", msg: "Events published successfully", event_type: "user_created", count: 3 },
  ]);
});

test("what is given up at shutdown is answered, counted as lost and logged one by one", async () => {
  await using service = await composeForTest({ KAFKA_BROKER_LIST: "127.0.0.1:1" });
  const waiting = service.post(USER, { data: 1, id: "one", key: "k" });
  const many = service.post("/api/v1/events", [{ type: "order", data: 1, id: "two" }]);
  while (service.app.producer.status().queuedRecords < 2) await Bun.sleep(1);
  await service.app.producer.abandon();
  expect(await waiting).toMatchObject({
    status: 503,
    problem: { code: "delivery-abandoned", event_id: "one" },
  });
  expect(await many).toMatchObject({ status: 207, receipts: [{ error: { code: "delivery-abandoned" } }] });
  expect(service.app.tally.lostTotal).toBe(2);
  expect(service.log.filter(({ msg }) => msg === "Event lost")).toMatchObject([
    { level: "error", event_id: "one", event_type: "user_created", topic: "events", key: "k" },
    { level: "error", event_id: "two", event_type: "order_created", topic: "events" },
  ]);
});

const preflightFrom = (origin: string) => ({
  method: "OPTIONS",
  headers: {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  },
});

const corsHeaders = ({ headers }: { headers: Headers }) =>
  [...headers.keys()].filter((name) => name.startsWith("access-control-"));
