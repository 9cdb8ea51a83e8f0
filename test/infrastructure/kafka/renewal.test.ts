import { afterAll, beforeAll, expect, test } from "bun:test";

import type { LogFields } from "../../../src/domain/logger.ts";
import { renewWhenFatal } from "../../../src/infrastructure/kafka/renewal.ts";
import { consume } from "../../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../../helpers/kafka.ts";
import { waitUntil } from "../../helpers/wait.ts";
import { bytes, configured, OPTIONS } from "../../native/posts.ts";
import { openProducer } from "../../native/support.ts";

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await sharedKafka();
}, 90_000);
afterAll(() => kafka[Symbol.asyncDispose]());

test("a client that says that it has failed for good is replaced, with a line and a count, and nothing is lost", async () => {
  const topic = `renewed-${crypto.randomUUID()}`;
  await kafka.createTopic(topic);
  await using opened = await openProducer({
    "test.mock.num.brokers": 0,
    "bootstrap.servers": kafka.bootstrap,
    "enable.idempotence": true,
    "message.timeout.ms": 0,
  });
  const core = configured(opened, { events: OPTIONS.events.map(({ type }) => ({ type, topic })) });
  const known: { renewals: number; fatalError?: string } = { renewals: 0 };
  const lines: LogFields[] = [];
  const note = (fields: LogFields, msg: string) => void lines.push({ ...fields, msg });
  renewWhenFatal(opened.producer, core, known, { debug: note, info: note, warn: note, error: note });

  for (let round = 1; round <= 3; round++) {
    for (let data = 0; data < 10; data++)
      core.produceEvent(bytes({ data: round * 10 + data, key: "k" }), 0, "");
    core.handOver();
    core.failForTests();
    await waitUntil(
      () => known.renewals === round || undefined,
      10_000,
      () => new Error(JSON.stringify(lines)),
    );
  }
  await opened.reported(30);
  expect(opened.reports.filter(({ error }) => error)).toEqual([]);
  expect(known).toEqual({ renewals: 3 });
  expect(lines).toContainEqual({
    detail: expect.stringContaining("out of order sequence"),
    renewals: 3,
    msg: "Kafka client replaced: it had failed for good",
  });
  const found = (await consume(kafka.bootstrap, topic)).map(({ value }) => JSON.parse(String(value)).data);
  expect([...new Set(found)]).toEqual(Array.from({ length: 30 }, (_, index) => index + 10));
});
