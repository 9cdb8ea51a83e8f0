import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";

import { cpuOf } from "../bench/proc.ts";
import { consume } from "../helpers/consume.ts";
import { waitUntil } from "../helpers/wait.ts";
import type { Answer } from "./link.ts";
import { type Linked, startLinked } from "./linked.ts";
import { openProducer } from "./support.ts";

// A producer that starts a new epoch (for a gap in one partition's sequence, it does so for all) is a new one to the
// brokers: what was sent before, and may have been written, would be written again.

setDefaultTimeout(60_000);

let linked: Linked;
let kafka: Linked["kafka"];
let link: Linked["link"];
let bootstrap = "";
beforeAll(async () => {
  linked = await startLinked();
  ({ kafka, link, bootstrap } = linked);
});
afterAll(() => linked[Symbol.asyncDispose]());

const NOT_LEADER = 6;
const TOO_LARGE = 10;
const LAST_EPOCH = 32_767;

/** A producer behind the link that has written "first" to a topic, and another topic that takes little. */
async function open(config: Record<string, unknown> = {}) {
  const topic = `once-${crypto.randomUUID()}`;
  const narrow = `narrow-${crypto.randomUUID()}`;
  await kafka.createTopic(topic);
  await kafka.createTopic(narrow, 1, { "max.message.bytes": "200" });
  const opened = await openProducer({
    "test.mock.num.brokers": 0,
    "bootstrap.servers": bootstrap,
    "enable.idempotence": true,
    "reconnect.backoff.max.ms": 100,
    ...config,
  });
  const send = (text: string, to = topic) => opened.producer.produce(to, 0, Buffer.from(text));
  send("first");
  send("small", narrow);
  await opened.reported(2);
  return {
    ...opened,
    send,
    /** Kafka refuses it for good: a gap in the sequence, and so a new epoch. */
    sendTooLarge: () => send("x".repeat(1000), narrow),
    written: async () => (await consume(kafka.bootstrap, topic)).map(({ value }) => String(value)),
    [Symbol.asyncDispose]: async () => {
      link.produce = "pass";
      link.reset();
      await opened[Symbol.asyncDispose]();
    },
  };
}

const SLEEP_MS = 500;

/** Of a thread that spins it would be all of that time. */
async function expectSleep(): Promise<void> {
  const before = await cpuOf(process.pid);
  await Bun.sleep(SLEEP_MS);
  const after = await cpuOf(process.pid);
  expect(after.librdkafka - before.librdkafka).toBeLessThan((SLEEP_MS / 4) * 1000);
}

const until = (reached: () => boolean) =>
  waitUntil(
    () => reached() || undefined,
    20_000,
    () => new Error(`held ${link.held.length}, lost ${link.lost}`),
  );

/** An event is refused and "second" is written, and the link holds both answers. */
async function holdTwo({ sendTooLarge, send }: Awaited<ReturnType<typeof open>>): Promise<Answer[]> {
  link.produce = "hold";
  sendTooLarge();
  await until(() => link.held.length === 1);
  send("second");
  await until(() => link.held.length === 2);
  return link.held;
}

test.each(["is lost", "says that the leader is another one by now"] as const)(
  "what was written is not written again in a new epoch where its answer %s",
  async (answer) => {
    await using opened = await open();
    const [refused, confirmed] = await holdTwo(opened);
    link.produce = "pass";
    refused?.pass();
    if (answer === "is lost") {
      await opened.reported(3);
      link.reset();
    } else confirmed?.pass(NOT_LEADER);
    await opened.reported(4);
    opened.send("third");
    const reports = await opened.reported(5);
    expect(reports.map(({ error }) => error?.code ?? 0).toSorted()).toEqual([0, 0, 0, 0, TOO_LARGE]);
    expect(await opened.written()).toEqual(["first", "second", "third"]);
  },
);

test("what was not written is, once and in its order, where the requests were lost", async () => {
  await using opened = await open();
  link.produce = "hold";
  opened.sendTooLarge();
  await until(() => link.held.length === 1);
  link.produce = "lose";
  const lost = link.lost;
  opened.send("second");
  await until(() => link.lost === lost + 1);
  opened.send("third");
  await until(() => link.lost === lost + 2);
  link.produce = "pass";
  link.held[0]?.pass();
  await opened.reported(3);
  link.reset();
  await opened.reported(5);
  expect(await opened.written()).toEqual(["first", "second", "third"]);
});

test("a producer whose epochs are used up goes on with another id", async () => {
  link.epoch = LAST_EPOCH - 1;
  await using opened = await open();
  delete link.epoch;
  const sent = ["first"];
  for (let epoch = LAST_EPOCH; epoch <= LAST_EPOCH + 3; epoch++) {
    opened.sendTooLarge();
    await opened.reported(2 * sent.length + 1);
    sent.push(String(epoch));
    opened.send(String(epoch));
    await opened.reported(2 * sent.length);
  }
  expect(await opened.written()).toEqual(sent);
});

test("what is sent later waits, and no thread spins, for what may have been written in the old epoch", async () => {
  await using opened = await open();
  const [refused] = await holdTwo(opened);
  refused?.pass();
  await opened.reported(3);
  link.reset();
  await until(() => link.held.length === 1);
  opened.send("third");
  await expectSleep();
  expect(link.held).toHaveLength(1);
  link.produce = "pass";
  link.held[0]?.pass();
  await opened.reported(5);
  expect(await opened.written()).toEqual(["first", "second", "third"]);
});

test("nor does a thread spin for requests that must come back before any is sent again", async () => {
  await using opened = await open();
  link.produce = "hold";
  opened.send("second");
  await until(() => link.held.length === 1);
  opened.send("third");
  await until(() => link.held.length === 2);
  link.held[0]?.pass(NOT_LEADER);
  await expectSleep();
  expect(link.held).toHaveLength(2);
  link.produce = "pass";
  link.held[1]?.pass(NOT_LEADER);
  await opened.reported(4);
  expect(await opened.written()).toEqual(["first", "second", "third"]);
});

test("what was written is not written again where others of its batch run out of time", async () => {
  await using opened = await open({ "message.timeout.ms": 4000, "linger.ms": 2000 });
  link.produce = "hold";
  opened.send("second");
  await Bun.sleep(1500);
  opened.send("third"); // in one batch with the one before
  await until(() => link.held.length === 1);
  link.cut();
  link.produce = "pass";
  await opened.reported(3);
  link.up();
  await opened.reported(4);
  expect(await opened.written()).toEqual(["first", "second", "third"]);
});

test("what was sent after an event that ran out of time is written, once", async () => {
  await using opened = await open({ "message.timeout.ms": 3000 });
  link.produce = "lose";
  const lost = link.lost;
  opened.send("second");
  await until(() => link.lost === lost + 1);
  await Bun.sleep(1500);
  opened.send("third");
  await until(() => link.lost === lost + 2);
  opened.send("fourth");
  await until(() => link.lost === lost + 3);
  link.cut();
  const [late] = (await opened.reported(3)).slice(2);
  link.produce = "pass";
  link.up();
  await opened.reported(5);
  expect(late?.error?.message).toContain("timed out");
  expect(await opened.written()).toEqual(["first", "third", "fourth"]);
});
