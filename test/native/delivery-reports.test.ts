import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { disconnect, openProducer, runProgram, servedBy } from "./support.ts";

test("a report says where the message went, without its value", async () => {
  await using open = await openProducer({ dr_cb: true });
  open.producer.produce("reports", 2, Buffer.from("value"), "key");
  const [report] = await open.reported(1);
  expect(report).toEqual({
    error: null,
    topic: "reports",
    partition: 2,
    offset: 0,
    key: Buffer.from("key"),
    timestamp: expect.any(Number),
    size: 5,
  });
});

test("a report carries the value where dr_msg_cb is set", async () => {
  await using open = await openProducer({ dr_msg_cb: true });
  open.producer.produce("reports", null, Buffer.from("value"), "key");
  const [report] = await open.reported(1);
  expect(report).toMatchObject({ value: Buffer.from("value"), size: 5 });
});

test("a function given as dr_cb is called with each report", async () => {
  const seen: unknown[] = [];
  await using open = await openProducer({ dr_cb: (_: unknown, report: unknown) => seen.push(report) });
  open.producer.produce("reports", null, Buffer.from("value"));
  await open.reported(1);
  expect(seen).toHaveLength(1);
});

test("without a callback nothing is reported, and the messages leave the queue", async () => {
  await using open = await openProducer({ dr_cb: false });
  for (let i = 0; i < 100; i++)
    open.producer.produce("reports", null, Buffer.from("value"), null, null, { i });
  await new Promise((resolve) => open.producer.flush(5000, resolve));
  expect(open.reports).toEqual([]);
});

test("null and empty are told apart in keys and in values", async () => {
  await using open = await openProducer({ dr_msg_cb: true });
  const cases = [
    [null, null],
    [Buffer.alloc(0), Buffer.alloc(0)],
    [Buffer.alloc(0), ""],
    [Buffer.from("v"), null],
    [null, "k"],
  ] as const;
  for (const [value, key] of cases) open.producer.produce("reports", 0, value, key);
  const reports = await open.reported(cases.length);
  expect(reports.map(({ value, key }) => [value, key])).toEqual(
    cases.map(([value, key]) => [value, key === null ? null : Buffer.from(key)]),
  );
});

test("a key may be a Buffer with any bytes, a Uint8Array, a long string or a number", async () => {
  await using open = await openProducer();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const view = new Uint8Array([9, 8, 0, 7]).subarray(1);
  const long = "ключ".repeat(500);
  const keys: unknown[] = [bytes, view, long, 42, "\u{1F600}".repeat(63), "x".repeat(255)];
  for (const key of keys) open.producer.produce("reports", 0, null, key as string);
  const reports = await open.reported(keys.length);
  expect(reports.map(({ key }) => key)).toEqual([
    bytes,
    Buffer.from([8, 0, 7]),
    Buffer.from(long),
    Buffer.from("42"),
    Buffer.from("\u{1F600}".repeat(63)),
    Buffer.from("x".repeat(255)),
  ]);
});

test("an opaque of any type comes back as it was, and an absent one stays absent", async () => {
  await using open = await openProducer();
  const object = { deep: ["value"] };
  const opaques = [object, "text", 0, false, null, undefined, 1n, Symbol.for("opaque"), () => 1];
  for (const opaque of opaques) open.producer.produce("reports", 0, null, null, null, opaque);
  const reports = await open.reported(opaques.length);
  expect(reports.map(({ opaque }) => opaque)).toEqual(opaques);
  expect(reports[0]?.opaque).toBe(object);
  expect(reports.map((report) => "opaque" in report)).toEqual(opaques.map((opaque) => opaque !== undefined));
});

test("of ten thousand messages each gets one report, with its own opaque", async () => {
  await using open = await openProducer({ "linger.ms": 5 });
  const count = 10_000;
  for (let i = 0; i < count; i++)
    open.producer.produce("reports", null, Buffer.from(`${i}`), `${i}`, null, i);
  const reports = await open.reported(count);
  expect(new Set(reports.map(({ opaque }) => opaque)).size).toBe(count);
  expect(reports.every(({ key, opaque }) => String(key) === String(opaque))).toBeTrue();
});

test("a kept key does not hold the keys that were reported with it", async () => {
  await using open = await openProducer();
  for (let i = 0; i < 500; i++) open.producer.produce("reports", 0, null, Buffer.alloc(1000, i));
  const reports = await open.reported(500);
  const sizes = reports.map(({ key }) => (key as Buffer).buffer.byteLength);
  expect(Math.max(...sizes)).toBeLessThan(100_000);
});

test("a message that no broker took is reported with the reason", async () => {
  await using broker = await openProducer();
  await using open = await openProducer({ ...servedBy(broker), "message.timeout.ms": 300 });
  await disconnect(broker.producer);
  open.producer.produce("reports", 0, Buffer.from("late"), null, null, "mine");
  const [report] = await open.reported(1);
  const error = { code: RdKafka.CODES.ERRORS.ERR__MSG_TIMED_OUT, message: "Local: Message timed out" };
  expect(report).toMatchObject({ error, opaque: "mine", offset: -1001 });
});

test("a listener that throws is seen, and the reports behind it still come", async () => {
  const { code, output } = await runProgram(`
    process.on("uncaughtException", (error) => console.log("uncaught", error.message));
    const open = await openProducer();
    open.producer.on("delivery-report", (_, report) => {
      if (report.opaque % 2) throw new Error("listener " + report.opaque);
      console.log("report", report.opaque);
    });
    for (let i = 0; i < 4; i++) open.producer.produce("t", 0, null, null, null, i);
    await open.reported(4);
    await disconnect(open.producer);
  `);
  expect(output.split("\n").toSorted()).toEqual([
    "report 0",
    "report 2",
    "uncaught listener 1",
    "uncaught listener 3",
  ]);
  expect(code).toBe(0);
});

test("a listener may produce, poll and flush", async () => {
  await using open = await openProducer();
  let left = 3000;
  open.producer.on("delivery-report", () => {
    open.producer.poll();
    if (left-- > 0) open.producer.produce("reports", null, null, "again", null, { left });
    if (left % 1000 === 0) open.producer.flush(100);
  });
  open.producer.produce("reports", null, null, "first");
  expect(await open.reported(3001)).toHaveLength(3001);
});
