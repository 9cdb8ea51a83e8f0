import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import type { Logger } from "../src/domain/logger.ts";
import { createLifecycle, drain, type DrainOptions } from "../src/lifecycle.ts";

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const HEALTHY = { hasRoom: () => true, fatalError: () => undefined, spoolProblem: () => undefined };

/** Milliseconds; only sleeping makes it go on. */
let clock = 0;

beforeEach(() => {
  clock = 0;
  spyOn(performance, "now").mockImplementation(() => clock);
  spyOn(Bun, "sleep").mockImplementation(async (ms) => void (clock += Number(ms)));
});
afterEach(() => void jest.restoreAllMocks());

test("a process is ready from the first answer of a broker on, while there is room", () => {
  let room = true;
  const lifecycle = createLifecycle({ ...HEALTHY, hasRoom: () => room });
  expect(lifecycle.notReady()).toBe("no Kafka broker has answered yet");
  lifecycle.contacted();
  expect(lifecycle.notReady()).toBeUndefined();
  room = false;
  expect(lifecycle.notReady()).toBe("there is no room for more events");
  room = true;
  expect(lifecycle.notReady()).toBeUndefined();
});

test("a process that drains is never ready again", () => {
  const lifecycle = createLifecycle(HEALTHY);
  lifecycle.contacted();
  expect(lifecycle.draining).toBeFalse();
  lifecycle.beginDrain();
  lifecycle.contacted();
  expect(lifecycle.draining).toBeTrue();
  expect(lifecycle.notReady()).toBe("the process is shutting down");
});

test("a process whose client has failed for good is not ready, and says why", () => {
  const lifecycle = createLifecycle({ ...HEALTHY, fatalError: () => "Fenced" });
  lifecycle.contacted();
  expect(lifecycle.notReady()).toBe("the Kafka client has failed for good: Fenced");
});

test("when it is quiet for a tenth of the time, the intake stops and Kafka gets the rest", async () => {
  const { run, calls, at } = start();
  await run(10_000);
  expect(calls).toEqual(["stop", "flush 7000", "refuse", "abandon atomic", "abandon", "kill"]);
  expect(at("stop")).toBe(1000);
});

test("the quiet time is never longer than two seconds", async () => {
  const { run, at } = start();
  await run(60_000);
  expect(at("stop")).toBe(2000);
});

test("requests that come in keep it open until they pause", async () => {
  const { run, at } = start({ lastRequest: 3000 });
  await run(10_000);
  expect(at("stop")).toBe(4000);
});

test("when it is never quiet, the intake stops with a third of the time left for the flush", async () => {
  const { run, calls } = start({ lastRequest: Infinity });
  await run(9000);
  expect(calls).toEqual(["stop", "flush 3000", "refuse", "abandon atomic", "abandon", "kill"]);
});

test("what answers under way add to the queue is flushed, too", async () => {
  const { run, calls, at } = start({ answeredAt: 1050 });
  await run(10_000);
  expect(calls.filter((call) => call.startsWith("flush")).length).toBeGreaterThan(1);
  expect(calls.slice(-4)).toEqual(["refuse", "abandon atomic", "abandon", "kill"]);
  expect(at("refuse")).toBeGreaterThanOrEqual(1050);
});

test("what Kafka does not take by the deadline goes to disk or is given up, with time left to say so", async () => {
  const { run, calls, at } = start({ flushed: false });
  await run(10_000);
  expect(calls).toEqual(["stop", "flush 7000", "refuse", "keep", "abandon atomic", "abandon", "kill"]);
  expect(at("abandon")).toBe(8000);
});

test("a client that never takes its answer does not keep the process", async () => {
  const { run, calls, at } = start({ answeredAt: Infinity });
  await run(10_000);
  expect(calls.slice(-4)).toEqual(["refuse", "abandon atomic", "abandon", "kill"]);
  expect(at("kill")).toBeLessThan(11_000);
});

test("a drain without any time gives up at once what is left", async () => {
  const { run, calls } = start({ flushed: false, lastRequest: Infinity });
  await run(0);
  expect(calls).toEqual(["stop", "flush 0", "refuse", "keep", "abandon atomic", "abandon", "kill"]);
});

interface Situation {
  /** When the application falls silent. */
  lastRequest?: number;
  /** When the last answer is out. */
  answeredAt?: number;
  /** Whether Kafka takes everything, and at once; otherwise a flush takes all of its time. */
  flushed?: boolean;
}

/** A drain on fakes that write down what is asked of them, and when. */
function start({ lastRequest = 0, answeredAt = 0, flushed = true }: Situation = {}) {
  const calls: string[] = [];
  const times: number[] = [];
  const note = (call: string): void => {
    calls.push(call);
    times.push(clock);
  };
  const intake: DrainOptions["intake"] = {
    stop() {
      note("stop");
      return clock >= answeredAt ? Promise.resolve() : new Promise(() => {});
    },
    kill: async () => note("kill"),
    pending: () => (clock >= answeredAt ? 0 : 1),
  };
  const producer: DrainOptions["producer"] = {
    async flush(ms) {
      note(`flush ${ms}`);
      if (!flushed) clock += ms;
      return flushed;
    },
    abandon: async () => note("abandon"),
  };
  const refuse = () => note("refuse");
  const keep = async () => note("keep");
  const atomic: DrainOptions["atomic"] = { abandon: async () => note("abandon atomic") };
  const idleFor = () => Math.max(0, clock - lastRequest);
  return {
    calls,
    run: (timeout: number) =>
      drain({ timeout, intake, producer, atomic, refuse, keep, idleFor, logger: SILENT }),
    at: (call: string) => times[calls.indexOf(call)],
  };
}
