import { expect, test } from "bun:test";
import { composeForTest, NO_BROKER } from "../../helpers/app.ts";
import { waitUntil } from "../../helpers/wait.ts";

test("with a broker the process is alive, ready and healthy, on both ports", async () => {
  await using service = await composeForTest();
  // librdkafka's next report may still be of the time before it knew the broker.
  await waitUntil(
    async () => (await service.get("/health")).status === 200 || undefined,
    5000,
    () => new Error("it did not get healthy"),
  );
  for (const ask of [service.get, service.admin]) {
    expect(await ask("/livez")).toMatchObject({ status: 200, body: { status: "alive" } });
    for (const path of ["/readyz", "/ready"])
      expect(await ask(path)).toMatchObject({ status: 200, body: { status: "ready" } });
    expect(await ask("/health")).toMatchObject({
      status: 200,
      body: {
        status: "healthy",
        checks: {
          kafka: { healthy: true, brokers_up: 1, brokers_known: 1 },
          error_rate: { healthy: true, error_rate: 0 },
          admission: { healthy: true, queued_events: 0, queued_bytes: 0 },
          draining: { healthy: true },
        },
      },
    });
  }
});

test("without a broker it is alive, but neither ready nor healthy, and says by which figures", async () => {
  await using service = await composeForTest(NO_BROKER);
  await service.post("/api/v1/events/user", { data: 1 }, { prefer: "respond-async" });
  for (const ask of [service.get, service.admin]) {
    expect((await ask("/livez")).status).toBe(200);
    for (const path of ["/readyz", "/ready"])
      expect(await ask(path)).toMatchObject({
        status: 503,
        body: { status: "not ready", reason: "no Kafka broker has answered yet" },
      });
    expect(await ask("/health")).toMatchObject({
      status: 503,
      body: {
        status: "unhealthy",
        checks: {
          kafka: { healthy: false, brokers_up: 0 },
          admission: { healthy: true, queued_events: 1, queued_bytes: expect.any(Number) },
        },
      },
    });
  }
});

test("a full queue is neither ready nor healthy", async () => {
  await using service = await composeForTest({ ...NO_BROKER, RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "1" });
  service.app.lifecycle.contacted();
  expect((await service.get("/readyz")).status).toBe(200);
  await service.post("/api/v1/events/user", { data: 1 }, { prefer: "respond-async" });
  expect(await service.get("/readyz")).toMatchObject({
    status: 503,
    body: { reason: "there is no room for more events" },
  });
  expect((await service.get("/health")).body).toMatchObject({
    checks: { admission: { healthy: false, queued_events: 1 } },
  });
});

test("failed deliveries make it unhealthy, with their rate", async () => {
  await using service = await composeForTest({ RDKAFKA_MESSAGE_MAX_BYTES: "1000" });
  // Too large for Kafka: refused one by one, but failed where a batch was taken.
  const [small, large] = [
    { type: "user", data: 1 },
    { type: "user", data: ["x".repeat(2000)] },
  ];
  await service.post("/api/v1/events", [small, large]);
  expect(await service.get("/health")).toMatchObject({
    status: 503,
    body: {
      checks: { error_rate: { healthy: false, error_rate: 0.5, limit: 0.1, published: 1, failed: 1 } },
    },
  });
});

test("a drain ends readiness, and every answer asks to close the connection", async () => {
  await using service = await composeForTest();
  service.app.lifecycle.beginDrain();
  for (const path of ["/livez", "/readyz", "/health", "/api/v1/events/stats", "/nowhere"]) {
    const { status, headers } = await service.get(path);
    expect(headers.get("connection")).toBe("close");
    if (path === "/readyz" || path === "/health") expect(status).toBe(503);
  }
});
