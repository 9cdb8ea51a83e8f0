import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import type { Sidepost } from "../helpers/process.ts";
import {
  ask,
  ASYNC,
  idOf,
  idsOf,
  MINUTE,
  newTopic,
  post,
  startOn,
  uniqueName,
  untilStatus,
} from "./support.ts";

setDefaultTimeout(MINUTE);

const SHUTDOWN_MS = 3000;

// Each test finds the broker running, even where the one before it failed.
let kafka: Kafka;
beforeAll(async () => {
  kafka = await startKafka();
}, MINUTE);
afterEach(() => {
  kafka.thawBroker(0);
  return kafka.startBroker(0);
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** Posts without waiting, and returns the ids that were accepted. */
async function accept(sidepost: Sidepost, singles: number, batch: number): Promise<string[]> {
  const event = { type: "order", data: {}, key: "k" };
  const answers = await Promise.all([
    ...Array.from({ length: singles }, () => post(sidepost, "/user", { data: {} }, ASYNC)),
    post(
      sidepost,
      "",
      Array.from({ length: batch }, () => event),
      ASYNC,
    ),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
  return answers.flatMap(idsOf);
}

test("with Kafka down it starts, accepts events and is not ready; Kafka comes, and all of them are delivered", async () => {
  const topic = await newTopic(kafka);
  await kafka.stopBroker(0, "SIGKILL");
  await using sidepost = await startOn(kafka.bootstrap, topic);
  expect(await ask(`${sidepost.url}/readyz`)).toMatchObject({
    status: 503,
    body: { reason: "no Kafka broker has answered yet" },
  });
  expect(await ask(`${sidepost.url}/livez`)).toMatchObject({ status: 200 });
  const line = await sidepost.waitForLog(({ level }) => level === "error");
  expect(String(line["detail"])).toContain("Connection refused");
  const ids = await accept(sidepost, 50, 50);

  await kafka.startBroker(0);
  await untilStatus(`${sidepost.url}/readyz`, 200);
  await sidepost.waitForLog(({ msg, bootstrap }) => msg === "Kafka reached" && bootstrap === kafka.bootstrap);
  const records = await consume(kafka.bootstrap, topic, { count: 100 });
  expect(records.map(idOf).toSorted()).toEqual(ids.toSorted());
});

test("with Kafka down it takes events for a topic that Kafka makes when it is back, and delivers them", async () => {
  await kafka.stopBroker(0, "SIGKILL");
  await using sidepost = await startOn(kafka.bootstrap, uniqueName("made-by-kafka"), {
    // Whatever the machine needs for Kafka's start.
    SERVER_WRITE_TIMEOUT: "50s",
  });
  const waiting = post(sidepost, "/user", { data: {} });
  // Longer than a topic may be missing; but only answers count, and Kafka's first one to come denies what it is about to make.
  await Bun.sleep(2500);
  await kafka.startBroker(0);
  expect(await waiting).toMatchObject({ status: 201 });
});

test("an outage leaves it ready while there is room for events, and unhealthy until Kafka is back", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await startOn(kafka.bootstrap, topic, {
    RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "100",
  });
  const [ready, health] = [`${sidepost.url}/readyz`, `${sidepost.adminUrl}/health`];
  await untilStatus(ready, 200);
  await untilStatus(health, 200);

  await kafka.stopBroker(0, "SIGKILL");
  await untilStatus(health, 503);
  const ids = await accept(sidepost, 10, 80);
  expect(await ask(ready)).toMatchObject({ status: 200 });
  ids.push(...(await accept(sidepost, 5, 5)));
  const refused = await post(sidepost, "/user", { data: {} });
  expect(refused).toMatchObject({ status: 503, body: { code: "admission-closed", retriable: true } });
  expect(refused.headers.get("retry-after")).toBe("10");
  expect(await ask(ready)).toMatchObject({
    status: 503,
    body: { reason: "there is no room for more events" },
  });

  await kafka.startBroker(0);
  await untilStatus(ready, 200);
  await untilStatus(health, 200);
  const records = await consume(kafka.bootstrap, topic, { count: 100 });
  expect(records.map(idOf).toSorted()).toEqual(ids.toSorted());
});

/** Milliseconds from the start of the drain to its end, by the times in the log. */
function drainTime({ log }: Sidepost): number {
  const timeOf = (wanted: string) => Date.parse(String(log.find(({ msg }) => msg === wanted)?.["time"]));
  return timeOf("Drained") - timeOf("Draining");
}

test.each([
  { fate: "killed", fail: () => kafka.stopBroker(0, "SIGKILL") },
  { fate: "frozen", fail: () => kafka.freezeBroker(0) },
])(
  "with the broker $fate at SIGTERM it ends at the deadline, names every lost event, and answers who waits",
  async ({ fail }) => {
    const topic = await newTopic(kafka);
    await using sidepost = await startOn(kafka.bootstrap, topic, {
      SERVER_SHUTDOWN_TIMEOUT: `${SHUTDOWN_MS}ms`,
    });
    const delivered = idsOf(await post(sidepost, "/user", { data: {} }));
    await fail();
    const ids = await accept(sidepost, 100, 50);
    const waiting = [
      post(sidepost, "/user", { data: {} }),
      post(sidepost, "", [{ type: "user", data: {} }]),
    ] as const;
    sidepost.kill();

    const [one, many] = await Promise.all(waiting);
    const [lostOne = ""] = [(one.body as { event_id?: string }).event_id];
    expect(one).toMatchObject({ status: 503, body: { code: "delivery-abandoned", retriable: true } });
    expect(many).toMatchObject({
      status: 207,
      body: { receipts: [{ status: "failed", error: { code: "delivery-abandoned" } }] },
    });
    expect(await sidepost.exited).toBe(1);
    // It goes on for four fifths of the time; the rest is for giving up and saying so.
    expect(drainTime(sidepost)).toBeWithin(0.75 * SHUTDOWN_MS, SHUTDOWN_MS + 1000);

    await kafka.stopBroker(0, "SIGKILL");
    await kafka.startBroker(0);
    expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual(delivered);
    const lost = sidepost.log.filter(({ msg }) => msg === "Event lost");
    expect(lost.map((line) => String(line["event_id"])).toSorted()).toEqual(
      [...ids, lostOne, ...idsOf(many)].toSorted(),
    );
    expect(lost[0]).toMatchObject({ level: "error", topic, code: "delivery-abandoned" });
    expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", published: 1, lost: 152 });
  },
);
