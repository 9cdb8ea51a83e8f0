import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  ResourcePatternTypes,
  ResourceTypes,
} from "@platformatic/kafka";
import { consume } from "../helpers/consume.ts";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { idOf, idsOf, metricsOf, MINUTE, newTopic, post, startOn } from "./support.ts";

setDefaultTimeout(MINUTE);

// Everyone may do what no rule forbids.
const AUTHORIZER = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "allow.everyone.if.no.acl.found": "true",
  "auto.create.topics.enable": "false",
};

let kafka: Kafka;
beforeAll(async () => {
  kafka = await startKafka({ properties: AUTHORIZER });
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** Denies everyone to write to a topic. */
async function forbidWriting(topic: string): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [kafka.bootstrap] });
  try {
    await admin.createAcls({
      creations: [
        {
          resourceType: ResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          principal: "User:*",
          host: "*",
          operation: AclOperations.WRITE,
          permissionType: AclPermissionTypes.DENY,
        },
      ],
    });
  } finally {
    await admin.close();
  }
}

const incompressible = (bytes: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64");

test("an event larger than its topic takes is 413, and the answer says what to do", async () => {
  const topic = await newTopic(kafka, 1, { "max.message.bytes": "2000" });
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const large = { data: { text: incompressible(3000) } };
  expect(await post(sidepost, "/user", large)).toMatchObject({
    status: 413,
    body: {
      code: "event-too-large",
      retriable: false,
      detail: expect.stringContaining("raise RDKAFKA_MESSAGE_MAX_BYTES and the topic's max.message.bytes"),
    },
  });
  const small = await post(sidepost, "/user", { data: {} });
  expect(small.status).toBe(201);
  expect((await consume(kafka.bootstrap, topic)).length).toBe(1);
});

test("an event larger than the client takes is 413 before it reaches Kafka", async () => {
  await using sidepost = await startOn(kafka.bootstrap, await newTopic(kafka));
  const large = { data: { text: incompressible(1_200_000) } };
  expect(await post(sidepost, "/user", large)).toMatchObject({
    status: 413,
    body: { code: "event-too-large" },
  });
});

test("events that are too large for their topic together, and not alone, are delivered; one that is alone too large is not", async () => {
  const topic = await newTopic(kafka, 1, { "max.message.bytes": "2000" });
  const events = Array.from({ length: 20 }, () => ({ type: "user", data: { text: incompressible(500) } }));
  const tooLarge = { type: "user", data: { text: incompressible(3000) } };
  await using sidepost = await startOn(kafka.bootstrap, topic);
  const answer = await post(sidepost, "", [...events, tooLarge, ...events]);
  const { receipts } = answer.body as { receipts: { status: string }[] };
  const delivered = events.map(() => expect.objectContaining({ status: "delivered" }));
  expect(receipts).toEqual([
    ...delivered,
    expect.objectContaining({
      status: "failed",
      error: expect.objectContaining({ code: "event-too-large" }),
    }),
    ...delivered,
  ]);
  const ids = idsOf(answer).filter((_, index) => receipts[index]?.status === "delivered");
  expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual(ids);

  expect(await post(sidepost, "?atomic=true", events)).toMatchObject({ status: 200 });
  expect(await post(sidepost, "?atomic=true", [...events, tooLarge, ...events])).toMatchObject({
    status: 413,
    body: { code: "event-too-large" },
  });
  const last = await post(sidepost, "?atomic=true", events);
  expect(last.status).toBe(200);
  const records = await consume(kafka.bootstrap, topic);
  expect(records.map(idOf).slice(-events.length)).toEqual(idsOf(last));
  expect(records).toHaveLength(ids.length + 2 * events.length);
});

test("a topic that this client may not write to is 403, and others stay open", async () => {
  const [open, closed] = [await newTopic(kafka), await newTopic(kafka)];
  await forbidWriting(closed);
  await using sidepost = await startOn(kafka.bootstrap, open, {
    EVENT_TYPES: `secret=secret_made@${closed}`,
  });
  const refused = await post(sidepost, "/secret", { data: {} });
  expect(refused).toMatchObject({
    status: 403,
    body: {
      code: "forbidden-topic",
      retriable: false,
      event_id: expect.stringMatching(/^secret_made_/),
      detail: expect.stringContaining("grant this client WRITE on the topic"),
    },
  });
  const many = await post(sidepost, "", [
    { type: "secret", data: {} },
    { type: "user", data: {} },
  ]);
  expect(many).toMatchObject({
    status: 207,
    body: {
      receipts: [{ error: { status: 403, code: "forbidden-topic" } }, { status: "delivered", topic: open }],
    },
  });
  const failed = (await metricsOf(sidepost)).get("producer_events_failed_total");
  expect(failed?.samples.get('producer_events_failed_total{type="secret_made",code="forbidden-topic"}')).toBe(
    2,
  );
});

test("an event without a key for a compacted topic is 502, and may not be tried again; its neighbours are delivered", async () => {
  const topic = await newTopic(kafka, 1, { "cleanup.policy": "compact" });
  // Neighbours are those of one batch on the wire.
  await using sidepost = await startOn(kafka.bootstrap, topic, { RDKAFKA_LINGER_MS: "200" });
  const refused = await post(sidepost, "/user", { data: {} });
  expect(refused).toMatchObject({
    status: 502,
    body: {
      code: "kafka-rejected",
      retriable: false,
      detail: expect.stringContaining("give the event a key"),
    },
  });
  const many = await post(sidepost, "", [
    { type: "user", data: {}, key: "a" },
    { type: "user", data: {} },
    { type: "user", data: {}, key: "b" },
  ]);
  expect(many).toMatchObject({
    status: 207,
    body: {
      receipts: [
        { status: "delivered" },
        { error: { status: 502, code: "kafka-rejected", retriable: false } },
        { status: "delivered" },
      ],
    },
  });
  const [first = "", , last = ""] = idsOf(many);
  expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual([first, last]);
});
