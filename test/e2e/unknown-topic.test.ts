import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import type { Sidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import { newFolder } from "../infrastructure/spool/support.ts";
import {
  type Answer,
  ASYNC,
  idsOf,
  metricsOf,
  MINUTE,
  newTopic,
  post,
  spoolIn,
  startOn,
  uniqueName,
} from "./support.ts";

setDefaultTimeout(MINUTE);

let kafka: Kafka;
beforeAll(async () => {
  kafka = await startKafka({ properties: { "auto.create.topics.enable": "false" } });
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** Starts sidepost with an event `stray` for a topic beside the one that is there. */
const startWith = async (stray: string, more: Record<string, string> = {}): Promise<Sidepost> =>
  startOn(kafka.bootstrap, await newTopic(kafka), { EVENT_TYPES: `stray=stray_made@${stray}`, ...more });

const strayPost = (sidepost: Sidepost): Promise<Answer> => post(sidepost, "/stray", { data: {} });

/** Posts until the topic is known to be there again. */
const delivered = (sidepost: Sidepost): Promise<Answer> => {
  let last: Answer | undefined;
  const attempt = async () => {
    last = await strayPost(sidepost);
    return last.status === 201 ? last : undefined;
  };
  return waitUntil(attempt, 30_000, () => new Error(`not delivered: ${JSON.stringify(last)}`));
};

// An answer that waits for longer than SERVER_WRITE_TIMEOUT, 15 s, would be a 504.
const UNKNOWN = {
  status: 404,
  body: {
    code: "unknown-topic",
    retriable: false,
    detail: expect.stringContaining("create the topic, or correct KAFKA_TOPIC or EVENT_TYPES"),
  },
};

test("a topic that is not there is 404, also for the first post, and takes events once it is made", async () => {
  const topic = uniqueName("not-there");
  await using sidepost = await startWith(topic);
  expect(await strayPost(sidepost)).toMatchObject(UNKNOWN);
  expect(await strayPost(sidepost)).toMatchObject(UNKNOWN);
  await kafka.createTopic(topic);
  expect(await delivered(sidepost)).toMatchObject({ body: { status: "delivered", topic } });
});

test("of a batch, events for a topic that is not there fail, and the others are delivered", async () => {
  await using sidepost = await startWith(uniqueName("not-there"));
  const events = [
    { type: "user", data: {} },
    { type: "stray", data: {} },
    { type: "user", data: {} },
  ];
  expect(await post(sidepost, "", events)).toMatchObject({
    status: 207,
    body: {
      receipts: [
        { status: "delivered" },
        { status: "failed", error: { status: 404, code: "unknown-topic" } },
        { status: "delivered" },
      ],
    },
  });
});

test("a topic that is deleted while the service runs is 404 from then on, until it is made anew", async () => {
  const topic = await newTopic(kafka, 2);
  await using sidepost = await startWith(topic);
  await delivered(sidepost);
  await kafka.deleteTopic(topic);
  // One of the two partitions may not have been asked for yet.
  for (let number = 0; number < 4; number++) expect(await strayPost(sidepost)).toMatchObject(UNKNOWN);
  await kafka.createTopic(topic, 2);
  expect(await delivered(sidepost)).toMatchObject({ body: { status: "delivered", topic } });
});

test("accepted events wait for a topic that is made a little later, or anew, and waiting posts do not", async () => {
  const topic = uniqueName("not-there");
  await using sidepost = await startWith(topic);
  const early = await Promise.all([1, 2, 3].map((data) => post(sidepost, "/stray", { data }, ASYNC)));
  expect(early.map(({ status }) => status)).toEqual([202, 202, 202]);
  const line = await sidepost.waitForLog(({ msg }) => String(msg).startsWith("Kafka turns events down"));
  expect(line).toMatchObject({ level: "warn", topic, error: expect.stringContaining("Unknown topic") });
  expect(await strayPost(sidepost)).toMatchObject(UNKNOWN);
  await kafka.createTopic(topic);
  await delivered(sidepost);
  const records = await consume(kafka.bootstrap, topic, { count: 4 });
  const ids = records.map(({ value }) => JSON.parse(String(value)).id);
  // Ids are numbered in the order taken.
  expect(ids.slice(0, 3)).toEqual(early.flatMap(idsOf).toSorted());
});

test("what is stored after its poster waited in vain waits for its topic, too", async () => {
  const topic = uniqueName("not-there");
  using folder = newFolder();
  await using sidepost = await startWith(topic, {
    RDKAFKA_TOPIC_METADATA_PROPAGATION_MAX_MS: "3000",
    ...spoolIn(folder.path, "overflow"),
  });
  const answer = await post(sidepost, "/stray", { data: 1 }, { prefer: "wait=1" });
  expect(answer).toMatchObject({ status: 202, body: { status: "stored" } });
  await sidepost.waitForLog(({ msg }) => String(msg).startsWith("Kafka turns events down"));
  await kafka.createTopic(topic);
  const records = await consume(kafka.bootstrap, topic, { count: 1 });
  expect(JSON.parse(String(records[0]?.value)).id).toBe(idsOf(answer)[0]);
});

test("an accepted event for a topic that is never there is lost, logged and counted", async () => {
  const topic = uniqueName("not-there");
  await using sidepost = await startWith(topic, { RDKAFKA_TOPIC_METADATA_PROPAGATION_MAX_MS: "50" });
  const accepted = await post(sidepost, "/stray", { data: {}, key: "k" }, ASYNC);
  expect(accepted.status).toBe(202);
  const [event_id] = idsOf(accepted);
  const line = await sidepost.waitForLog(({ msg }) => msg === "Event lost");
  expect(line).toMatchObject({ event_id, topic, key: "k", code: "unknown-topic" });
  const lost = (await metricsOf(sidepost)).get("producer_events_lost_total");
  expect([...(lost?.samples.values() ?? [])]).toEqual([1]);
});
