import { expect, test } from "bun:test";
import { createBatchSizes } from "../../src/infrastructure/batch-sizes.ts";
import type { MetricSources } from "../../src/infrastructure/metric-table.ts";
import { createMetrics } from "../../src/infrastructure/metrics.ts";
import { createHistogram, observe } from "../../src/usecase/histogram.ts";
import { createRequestTally } from "../../src/usecase/request-tally.ts";
import { createTally } from "../../src/usecase/tally.ts";
import { type Family, parseExposition, readHistogram } from "../helpers/exposition.ts";

test("the text is in the Prometheus format", async () => {
  const { metrics } = start();
  expect(metrics.contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(() => parseExposition("producer_ready 1\n")).toThrow();
  expect(parseExposition(await metrics.render()).size).toBeGreaterThan(0);
});

test("every metric has a help, a type, and the suffix of its type", async () => {
  for (const [name, { help, type }] of await start().scrape()) {
    expect(help).toEndWith(".");
    expect(["counter", "gauge", "histogram"]).toContain(type);
    expect(name.endsWith("_total")).toBe(type === "counter");
  }
});

test("event metrics exist at zero before the first event, for every type", async () => {
  const families = await start().scrape();
  for (const type of ["user_created", "order_created"]) {
    expect(value(families, "producer_events_accepted_total", `{type="${type}"}`)).toBe(0);
    expect(value(families, "producer_events_published_total", `{type="${type}"}`)).toBe(0);
    expect(value(families, "producer_events_failed_total", `{type="${type}",code="delivery-timeout"}`)).toBe(
      0,
    );
    const durations = histogram(families, "producer_publish_duration_seconds", `type="${type}",`);
    expect(durations).toMatchObject({ sum: 0, count: 0, buckets: { "+Inf": 0 } });
  }
  expect(value(families, "producer_events_rejected_total", '{code="admission-closed"}')).toBe(0);
  expect(value(families, "producer_events_lost_total")).toBe(0);
});

test("events are shown as the tally has them", async () => {
  const { sources, scrape } = start();
  const user = sources.tally.type("user_created");
  sources.tally.accepted(user, 6);
  sources.tally.published(user, 0, 2, 3);
  sources.tally.failed(user, "delivery-timeout", 2, 2);
  sources.tally.failed(user, "draining", 2);
  sources.tally.rejected("invalid-event", user, 4);
  sources.tally.lost(2);
  const families = await scrape();
  expect(value(families, "producer_events_accepted_total", '{type="user_created"}')).toBe(6);
  expect(value(families, "producer_events_published_total", '{type="user_created"}')).toBe(3);
  expect(
    value(families, "producer_events_failed_total", '{type="user_created",code="delivery-timeout"}'),
  ).toBe(2);
  expect(value(families, "producer_events_failed_total", '{type="user_created",code="draining"}')).toBe(1);
  expect(value(families, "producer_events_rejected_total", '{code="invalid-event"}')).toBe(4);
  expect(value(families, "producer_events_lost_total")).toBe(2);
});

test("a histogram is cumulative, and ends with everything in +Inf", async () => {
  const { sources, scrape } = start();
  const user = sources.tally.type("user_created");
  for (const ms of [0.5, 1, 4, 20_000]) sources.tally.published(user, 0, ms);
  const durations = histogram(await scrape(), "producer_publish_duration_seconds", 'type="user_created",');
  expect(durations.buckets).toMatchObject({
    "0.00025": 0,
    "0.0005": 1,
    "0.001": 2,
    "0.0025": 2,
    "0.005": 3,
    "15": 3,
    "+Inf": 4,
  });
  expect(durations.count).toBe(4);
  expect(durations.sum).toBeCloseTo(20.0055);
});

test("requests are shown by method, route and status", async () => {
  const { sources, scrape } = start();
  const route = sources.requests.route("/api/v1/events/:name");
  sources.requests.answered(route, "POST", 201, 0, 2);
  sources.requests.answered(route, "POST", 422, 0, 2);
  const families = await scrape();
  const labels = 'method="POST",route="/api/v1/events/:name"';
  expect(value(families, "http_requests_total", `{${labels},status="201"}`)).toBe(1);
  expect(value(families, "http_requests_total", `{${labels},status="422"}`)).toBe(1);
  expect(histogram(families, "http_request_duration_seconds", `${labels},`)).toMatchObject({
    count: 2,
    sum: 0.004,
  });
});

test("the state of the producer and the process is read at each scrape", async () => {
  const { sources, state, scrape } = start();
  observe(sources.batchSizes, 100, 2);
  observe(sources.eventLoopLag, 0.02);
  const before = await scrape();
  Object.assign(state, { ready: false, draining: true, brokersUp: 0 });
  const after = await scrape();
  const shown = [
    "producer_ready",
    "producer_draining",
    "producer_brokers_up",
    "producer_brokers_known",
    "producer_queue_messages",
    "producer_queue_bytes",
    "producer_spool_events",
    "producer_spool_bytes",
    "producer_events_replayed_total",
    "producer_retries_total",
    "producer_uncaught_errors_total",
  ];
  expect(shown.map((name) => value(before, name))).toEqual([1, 0, 2, 3, 4, 5, 3, 4, 0, 6, 7]);
  expect(shown.map((name) => value(after, name))).toEqual([0, 1, 0, 3, 4, 5, 3, 4, 0, 6, 7]);
  expect(histogram(before, "producer_batch_size")).toMatchObject({ count: 2, sum: 200 });
  expect(histogram(before, "producer_event_loop_lag_seconds")).toMatchObject({ count: 1, sum: 0.02 });
  const labels = '{version="0.1.0",librdkafka="2.14.2",app="checkout",app_version="2.3"}';
  expect(value(before, "sidepost_info", labels)).toBe(1);
});

test("the budget is shown with what is held of it, and how long it would last", async () => {
  const { state, scrape } = start();
  const before = await scrape();
  expect(value(before, "producer_admission_bytes")).toBe(11);
  expect(value(before, "producer_admission_limit_bytes")).toBe(100);
  expect(value(before, "producer_outage_seconds_to_full")).toBe(8.5);
  expect(value(before, "producer_admission_open")).toBe(1);
  Object.assign(state, { open: false, secondsToFull: Infinity });
  const after = await scrape();
  expect(value(after, "producer_admission_open")).toBe(0);
  expect(value(after, "producer_outage_seconds_to_full")).toBe(Infinity);
});

test("limits are shown where there are any", async () => {
  const { sources, scrape } = start();
  const shown = ["process_memory_limit_bytes", "process_cpu_limit_cores", "producer_spool_limit_bytes"];
  const read = async () => {
    const families = await scrape();
    return shown.map((name) => value(families, name));
  };
  expect(await read()).toEqual([256, 0.5, 1024]);
  Object.assign(sources.limits, { memory: undefined, spool: undefined });
  expect(await read()).toEqual([undefined, 0.5, undefined]);
});

test("the process shows its CPU time, memory, start and descriptors", async () => {
  const families = await start().scrape();
  expect(value(families, "process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(value(families, "process_resident_memory_bytes")).toBeGreaterThan(1024 * 1024);
  expect(value(families, "process_start_time_seconds")).toBeCloseTo(performance.timeOrigin / 1000);
  if (process.platform === "linux") expect(value(families, "process_open_fds")).toBeGreaterThan(2);
});

function start() {
  const state = { ready: true, draining: false, brokersUp: 2, open: true, secondsToFull: 8.5 };
  const limits: MetricSources["limits"] = { memory: 256, cpu: 0.5, spool: 1024 };
  const sources: MetricSources = {
    tally: createTally(["user_created", "order_created"]),
    requests: createRequestTally(["/api/v1/events/:name"]),
    status: () => ({
      contacted: true,
      brokersUp: state.brokersUp,
      brokersKnown: 3,
      queuedRecords: 4,
      queuedBytes: 5,
      retries: 6,
      renewals: 0,
    }),
    renewals: () => 7,
    spool: () => ({ records: 3, bytes: 4 }),
    limits,
    admission: () => ({
      open: state.open,
      queuedRecords: 4,
      queuedBytes: 5,
      requestBytes: 6,
      limitBytes: 100,
      secondsToFull: state.secondsToFull,
    }),
    ready: () => state.ready,
    draining: () => state.draining,
    batchSizes: createBatchSizes().histogram,
    eventLoopLag: createHistogram(),
    uncaughtErrors: () => 7,
    idempotency: () => ({ keys: 7, bytes: 8 }),
    info: { version: "0.1.0", librdkafka: "2.14.2", app: "checkout", app_version: "2.3" },
  };
  const metrics = createMetrics(sources);
  return { sources, state, metrics, scrape: async () => parseExposition(await metrics.render()) };
}

const value = (families: Map<string, Family>, name: string, labels = "") =>
  families.get(name)?.samples.get(name + labels);

function histogram(families: Map<string, Family>, name: string, labels = "") {
  const family = families.get(name);
  if (family?.type !== "histogram") throw new Error(`${name} is not a histogram`);
  return readHistogram(family, name, labels);
}
