import { afterAll, beforeAll, expect, test } from "bun:test";
import { consume } from "./consume.ts";
import { type Kafka, startKafka } from "./kafka.ts";

const MINUTE = 60_000;
let kafka: Kafka;

beforeAll(async () => {
  kafka = await startKafka();
}, MINUTE);
afterAll(() => kafka[Symbol.asyncDispose]());

/** Writes one record for each line of `input` with kcat. */
async function produce(
  { bootstrap }: Kafka,
  topic: string,
  input: string | Uint8Array,
  ...options: string[]
): Promise<void> {
  const command = ["kcat", "-P", "-b", bootstrap, "-t", topic, ...options];
  const kcat = Bun.spawn(command, { stdin: new Blob([input]), stderr: "pipe" });
  const errors = await kcat.stderr.text();
  expect(await kcat.exited, errors).toBe(0);
}

test("a new topic has its partitions and its settings, and is empty", async () => {
  await kafka.createTopic("settings", 3, { "max.message.bytes": "2000" });
  await produce(kafka, "settings", "x", "-p", "2");
  expect(await consume(kafka.bootstrap, "settings")).toMatchObject([{ partition: 2, offset: 0 }]);

  const tooLarge = ["kcat", "-P", "-b", kafka.bootstrap, "-t", "settings", "-p", "0"];
  const kcat = Bun.spawn(tooLarge, { stdin: new Blob(["x".repeat(3000)]), stderr: "pipe" });
  expect(await kcat.stderr.text()).toContain("Message size too large");
});

test("any byte of a value comes back as it was written", async () => {
  await kafka.createTopic("bytes");
  const value = Uint8Array.from({ length: 256 }, (_, index) => index);
  await produce(kafka, "bytes", value, "-D", "no such delimiter");
  const [record] = await consume(kafka.bootstrap, "bytes", { count: 1 });
  expect(record?.value).toEqual(Buffer.from(value));
});

test("null and empty keys and values are told apart", async () => {
  await kafka.createTopic("nulls");
  await produce(kafka, "nulls", "k:\n", "-K", ":");
  await produce(kafka, "nulls", "k:\n", "-K", ":", "-Z");
  await produce(kafka, "nulls", ":v\n", "-K", ":");
  await produce(kafka, "nulls", "v\n");
  const records = await consume(kafka.bootstrap, "nulls", { count: 4 });
  expect(records.map(({ key, value }) => [key?.toString() ?? null, value?.toString() ?? null])).toEqual([
    ["k", ""],
    ["k", null],
    ["", "v"],
    [null, "v"],
  ]);
});

test("headers keep their order, their repeats and their commas", async () => {
  await kafka.createTopic("headers");
  await produce(kafka, "headers", "v", "-H", "a=1,2", "-H", "b=é", "-H", "a=", "-H", "c");
  const [record] = await consume(kafka.bootstrap, "headers", { count: 1 });
  expect(record?.headers).toEqual([
    ["a", Buffer.from("1,2")],
    ["b", Buffer.from("é")],
    ["a", Buffer.from("")],
    ["c", null],
  ]);
});

test("a topic that has fewer records than were asked for is an error that counts them", async () => {
  await kafka.createTopic("few");
  await produce(kafka, "few", "one\n");
  const reading = consume(kafka.bootstrap, "few", { count: 2, timeoutMs: 1000 });
  await expect(reading).rejects.toThrow("kcat read 1 records of few in at most 1000 ms");
});

test(
  "a broker that was stopped comes back at its address with its records",
  async () => {
    await kafka.createTopic("kept");
    await produce(kafka, "kept", "before\n");
    await kafka.stopBroker(0);
    await expect(consume(kafka.bootstrap, "kept", { count: 1, timeoutMs: 500 })).rejects.toThrow();
    await kafka.startBroker(0);
    expect(await consume(kafka.bootstrap, "kept", { count: 1 })).toMatchObject([{ offset: 0 }]);
  },
  MINUTE,
);

test(
  "of three brokers one can be killed, and come back",
  async () => {
    await using cluster = await startKafka({ brokers: 3 });
    await cluster.createTopic("spread", 3);
    await cluster.stopBroker(1, "SIGKILL");
    const partitions = ["0", "1", "2"];
    await Promise.all(partitions.map((partition) => produce(cluster, "spread", "x\n", "-p", partition)));
    expect(await consume(cluster.bootstrap, "spread", { count: 3 })).toHaveLength(3);
    await cluster.startBroker(1);
  },
  2 * MINUTE,
);
