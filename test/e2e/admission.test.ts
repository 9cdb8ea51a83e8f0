import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { endOffset } from "../bench/topic.ts";
import { makeMemoryCgroup } from "../helpers/cgroup.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { type Sidepost, SOURCES, startSidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { newFolder } from "../infrastructure/spool/support.ts";
import { type Flood, flood, floodPatience, KEYED_ALONE, LARGE_ALONE, SMALL_ALONE } from "./flood.ts";
import { ask, figuresOf, MINUTE, newTopic, untilStatus, untilStored } from "./support.ts";

const MIB = 1024 ** 2;
/** Of a small sidecar. */
const MEMORY_LIMIT = 192 * MIB;

// SIDEPOST_TEST_FLOOD=60 lets each flood last so many seconds, and longer where that is needed for 2 million events.
const SECONDS = Number(process.env["SIDEPOST_TEST_FLOOD"] ?? 3);
const EVENTS = SECONDS >= 30 ? 2_000_000 : 100_000;
setDefaultTimeout(3 * MINUTE + floodPatience(SECONDS * 1000));

// Each test finds the broker running, even where the one before it failed.
let kafka: Kafka;
beforeAll(async () => {
  kafka = await startKafka();
}, MINUTE);
afterEach(() => kafka.startBroker(0), MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

test("clients that never stop do not bring it down while Kafka was never there, and all that was taken arrives", async () => {
  const topic = await newTopic(kafka);
  await kafka.stopBroker(0, "SIGKILL");
  await using cgroup = makeMemoryCgroup(MEMORY_LIMIT);
  await using sidepost = await startLimited(topic, cgroup?.run);
  const result = await flood(sidepost, EVENTS, SECONDS * 1000);
  await expectBounded(sidepost, result);
  expect(await ask(`${sidepost.adminUrl}/health`)).toMatchObject({
    body: { checks: { admission: { healthy: false } } },
  });
  await kafka.startBroker(0);
  await expectAllIn(topic, result.taken, sidepost);
  await untilStatus(`${sidepost.url}/readyz`, 200);
});

test("nor does a broker that is killed under load, and is back after a while", async () => {
  const topic = await newTopic(kafka);
  await using cgroup = makeMemoryCgroup(MEMORY_LIMIT);
  await using sidepost = await startLimited(topic, cgroup?.run);
  await untilStatus(`${sidepost.url}/readyz`, 200);
  const flooding = flood(sidepost, EVENTS, SECONDS * 1000);
  await Bun.sleep(500);
  await kafka.stopBroker(0, "SIGKILL");
  const result = await flooding;
  await expectBounded(sidepost, result);
  await kafka.startBroker(0);
  await expectAllIn(topic, result.taken, sidepost);
  await untilStatus(`${sidepost.url}/readyz`, 200);
});

test("nor do small events alone, of which most is not their bytes", async () => {
  const topic = await newTopic(kafka);
  await kafka.stopBroker(0, "SIGKILL");
  await using cgroup = makeMemoryCgroup(MEMORY_LIMIT);
  await using sidepost = await startLimited(topic, cgroup?.run);
  const result = await flood(sidepost, EVENTS, SECONDS * 1000, SMALL_ALONE);
  await expectBounded(sidepost, result);
  await kafka.startBroker(0);
  await expectAllIn(topic, result.taken, sidepost);
});

test("nor do posts with keys, of which most is what is kept for the next post like them", async () => {
  const topic = await newTopic(kafka);
  await kafka.stopBroker(0, "SIGKILL");
  await using cgroup = makeMemoryCgroup(MEMORY_LIMIT);
  await using sidepost = await startLimited(topic, cgroup?.run);
  const result = await flood(sidepost, EVENTS, SECONDS * 1000, KEYED_ALONE);
  await expectBounded(sidepost, result);
  expect((await figuresOf(sidepost))("producer_idempotency_keys")).toBeGreaterThan(0);
  await kafka.startBroker(0);
  await expectAllIn(topic, result.taken, sidepost);
});

test("nor do they where they go to disk with their events", async () => {
  const topic = await newTopic(kafka);
  using folder = newFolder();
  await kafka.stopBroker(0, "SIGKILL");
  await using cgroup = makeMemoryCgroup(MEMORY_LIMIT);
  await using sidepost = await startLimited(topic, cgroup?.run, {
    SPOOL_MODE: "overflow",
    SPOOL_DIR: folder.path,
  });
  const result = await flood(sidepost, EVENTS / 3, SECONDS * 1000, KEYED_ALONE);
  expect(result).toMatchObject({ errors: [], statuses: { 202: result.taken } });
  expect(peakBytes(sidepost.pid)).toBeLessThan(MEMORY_LIMIT);
  await kafka.startBroker(0);
  await untilStored(sidepost, 0);
  await expectAllIn(topic, result.taken, sidepost);
});

test.each(["overflow", "always"])(
  "nor does what goes to disk (%s), while it is written, read back by the next process, and sent",
  async (mode) => {
    const topic = await newTopic(kafka);
    using folder = newFolder();
    const spool = { SPOOL_MODE: mode, SPOOL_DIR: folder.path, SPOOL_MAX_BYTES: "8GiB" };
    await kafka.stopBroker(0, "SIGKILL");
    await using cgroup = makeMemoryCgroup(MEMORY_LIMIT);
    const result = await (async () => {
      await using sidepost = await startLimited(topic, cgroup?.run, spool);
      const flooded = await flood(sidepost, 1000, SECONDS * 1000, LARGE_ALONE);
      expect(flooded).toMatchObject({ errors: [], statuses: { 202: flooded.taken } });
      await untilStored(sidepost, flooded.taken);
      expect(peakBytes(sidepost.pid)).toBeLessThan(MEMORY_LIMIT);
      process.kill(sidepost.pid, "SIGKILL");
      return flooded;
    })();
    await using next = await startLimited(topic, cgroup?.run, spool);
    await untilStored(next, result.taken);
    await Bun.sleep(1000);
    expect((await figuresOf(next))("producer_admission_bytes")).toBeGreaterThan(0);
    await kafka.startBroker(0);
    await untilStored(next, 0);
    await expectAllIn(topic, result.taken, next);
  },
);

/** In a container's limit where the machine lets us make one; else with the budget that it would have given. */
const startLimited = (
  topic: string,
  run?: (command: readonly string[]) => string[],
  more: Record<string, string> = {},
): Promise<Sidepost> =>
  startSidepost({
    env: {
      KAFKA_BROKER_LIST: kafka.bootstrap,
      KAFKA_TOPIC: topic,
      SERVER_WRITE_TIMEOUT: "1s",
      LOG_SAMPLE: "1",
      RDKAFKA_RECONNECT_BACKOFF_MAX_MS: "500",
      ...(run === undefined ? { ADMISSION_MAX_BYTES: "96MiB" } : {}),
      ...more,
    },
    ...(run === undefined ? {} : { command: run(SOURCES) }),
  });

async function expectBounded(sidepost: Sidepost, { attempted, taken, statuses, errors }: Flood) {
  expect(errors).toEqual([]);
  expect(attempted).toBeGreaterThanOrEqual(EVENTS);
  // Where nothing is waited for 202; otherwise what Kafka had not confirmed in time is still on its way.
  for (const status of Object.keys(statuses))
    expect(["200", "201", "202", "207", "503", "504"]).toContain(status);
  expect(statuses[202]).toBeGreaterThan(0);
  expect(statuses[503]).toBeGreaterThan(0);
  const metric = await figuresOf(sidepost);
  expect(metric("producer_events_accepted_total")).toBe(taken);
  expect(metric("producer_admission_bytes")).toBeLessThanOrEqual(metric("producer_admission_limit_bytes"));
}

/** All that was taken is there, once, and bringing it there took no more memory than is allowed either. */
async function expectAllIn(topic: string, count: number, sidepost: Sidepost): Promise<void> {
  let left = Number.NaN;
  await waitUntil(
    async () => {
      left = (await figuresOf(sidepost))("producer_queue_messages");
      return left === 0 || undefined;
    },
    MINUTE,
    () => new Error(`${left} events of ${count} are not in Kafka`),
  );
  expect(await endOffset({ bootstrap: kafka.bootstrap, name: topic })).toBe(count);
  expect(peakBytes(sidepost.pid)).toBeLessThan(MEMORY_LIMIT);
}

/** The most that was ever resident. */
const peakBytes = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
