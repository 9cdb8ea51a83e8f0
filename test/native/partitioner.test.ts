import { expect, test } from "bun:test";
import { openProducer } from "./support.ts";

// Kafka's own UtilsTest.testMurmur2: signed 32-bit hashes of these keys by the Java client.
const MURMUR2: [key: string, hash: number][] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

// The Java client's default: the hash without its sign, over the number of partitions.
const javaPartition = (hash: number, partitions: number) => (hash & 0x7fffffff) % partitions;

test("murmur2_random puts a key where Java clients put it", async () => {
  await using open = await openProducer({
    partitioner: "murmur2_random",
    "test.mock.num.brokers": 1,
  });
  for (const [key] of MURMUR2) open.producer.produce("placed", null, null, key);
  const reports = await open.reported(MURMUR2.length);
  const placed = Object.fromEntries(reports.map(({ key, partition }) => [String(key), partition]));
  const partitions = 4;
  expect(placed).toEqual(
    Object.fromEntries(MURMUR2.map(([key, hash]) => [key, javaPartition(hash, partitions)])),
  );
});

test("the same key lands on the same partition, whatever its form", async () => {
  await using open = await openProducer({ partitioner: "murmur2_random" });
  for (const key of ["foobar", Buffer.from("foobar")]) open.producer.produce("placed", null, null, key);
  const [text, bytes] = await open.reported(2);
  expect(text?.partition).toBe(bytes!.partition);
});

test("keyless messages are spread", async () => {
  await using open = await openProducer({
    partitioner: "murmur2_random",
    "sticky.partitioning.linger.ms": 0,
  });
  for (let i = 0; i < 200; i++) open.producer.produce("spread", null, null);
  const reports = await open.reported(200);
  expect(new Set(reports.map(({ partition }) => partition)).size).toBe(4);
});
