import { expect, test } from "bun:test";
import { composeForTest, request } from "../../helpers/app.ts";
import { type Family, parseExposition } from "../../helpers/exposition.ts";

test("metrics have the requirements' names, and count what happened", async () => {
  await using service = await composeForTest();
  await service.post("/api/v1/events/user", { data: 1 });
  await service.post("/api/v1/events", [
    { type: "user", data: 1 },
    { type: "order", data: 1 },
  ]);
  await service.post("/api/v1/events/user", { data: "" });
  await service.get("/api/v1/events/stats");
  await service.get("/api/v1/events");
  await service.get("/nowhere");
  const { status, headers, text } = await service.admin("/metrics");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");

  const families = parseExposition(text);
  const types = [
    ["http_requests_total", "counter"],
    ["http_request_duration_seconds", "histogram"],
    ["producer_events_published_total", "counter"],
    ["producer_events_failed_total", "counter"],
    ["producer_publish_duration_seconds", "histogram"],
    ["producer_batch_size", "histogram"],
    ["producer_retries_total", "counter"],
    ["producer_queue_messages", "gauge"],
    ["producer_queue_bytes", "gauge"],
    ["producer_brokers_up", "gauge"],
  ];
  for (const [name, type] of types)
    expect({ name, type: families.get(name!)?.type }).toEqual({ name, type: type! });

  const requests = sampled(families, "http_requests_total");
  expect(requests('{method="POST",route="/api/v1/events/:name",status="201"}')).toBe(1);
  expect(requests('{method="POST",route="/api/v1/events/:name",status="422"}')).toBe(1);
  expect(requests('{method="POST",route="/api/v1/events",status="200"}')).toBe(1);
  expect(requests('{method="GET",route="/api/v1/events/stats",status="200"}')).toBe(1);
  expect(requests('{method="GET",route="/api/v1/events/:name",status="200"}')).toBeUndefined();
  expect(requests('{method="GET",route="other",status="405"}')).toBe(1);
  expect(requests('{method="GET",route="other",status="404"}')).toBe(1);
  expect(sampled(families, "producer_events_published_total")('{type="user_created"}')).toBe(2);
  expect(sampled(families, "producer_events_published_total")('{type="order_created"}')).toBe(1);
  expect(sampled(families, "producer_events_rejected_total")('{code="invalid-event"}')).toBe(1);
  expect(sampled(families, "producer_brokers_up")("")).toBe(1);
});

test("what is asked by any name makes no label of its own", async () => {
  await using service = await composeForTest();
  for (let i = 0; i < 20; i++) {
    await service.get(`/random-${i}`);
    await service.post(`/api/v1/events/random-${i}`, { data: 1 });
  }
  const samples = parseExposition((await service.admin("/metrics")).text).get("http_requests_total")?.samples;
  expect(Object.fromEntries(samples ?? [])).toEqual({
    'http_requests_total{method="GET",route="other",status="404"}': 20,
    'http_requests_total{method="POST",route="/api/v1/events/:name",status="404"}': 20,
  });
});

test("METRICS_ENABLED=false leaves the metrics out, and nothing else", async () => {
  await using service = await composeForTest({ METRICS_ENABLED: "false" });
  expect((await service.admin("/metrics")).status).toBe(404);
  expect((await service.admin("/livez")).status).toBe(200);
});

test("no web page can begin the end", async () => {
  await using service = await composeForTest({ CORS_ORIGINS: "https://ours.example" });
  const from = (origin: string) =>
    request(service.app.admin, "/quitquitquit", { method: "POST", headers: { origin } });
  expect((await from("https://evil.example")).status).toBe(403);
  expect(service.quits).toBe(0);
  expect((await from("https://ours.example")).status).toBe(202);
});

test("POST /quitquitquit begins the end, and only on the admin port", async () => {
  await using service = await composeForTest();
  expect((await service.admin("/quitquitquit", "GET")).status).toBe(405);
  expect((await service.post("/quitquitquit", "")).status).toBe(404);
  expect(service.quits).toBe(0);
  expect(await service.admin("/quitquitquit", "POST")).toMatchObject({
    status: 202,
    body: { status: "draining" },
  });
  expect(service.quits).toBe(1);
});

test("the admin port takes no events, and the data port shows no metrics", async () => {
  await using service = await composeForTest();
  expect((await service.admin("/api/v1/events/user", "POST")).status).toBe(404);
  expect((await service.get("/metrics")).status).toBe(404);
});

const sampled = (families: Map<string, Family>, name: string) => (labels: string) =>
  families.get(name)?.samples.get(name + labels);
