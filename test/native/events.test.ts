import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { freePorts } from "../helpers/ports.ts";
import { waitUntil } from "../helpers/wait.ts";
import {
  connect,
  disconnect,
  flush,
  MOCK,
  newProducer,
  openProducer,
  rejected,
  runProgram,
} from "./support.ts";

const ERRORS = RdKafka.CODES.ERRORS;
const soon = <T>(check: () => T | undefined) => waitUntil(check, 10_000, () => new Error("it did not come"));

test("log lines come without polling, with their severity, facility and text", async () => {
  const producer = newProducer({ ...MOCK, log_level: 7, debug: "broker" });
  const lines: { severity: number; fac: string; message: string; name: string }[] = [];
  producer.on("event.log", (line) => void lines.push(line));
  await connect(producer);
  const line = await soon(() => lines.find(({ fac }) => fac === "STATE"));
  expect(line).toEqual({ severity: 7, fac: "STATE", message: expect.any(String), name: expect.any(String) });
  await disconnect(producer);
});

test("statistics come as JSON text, in their interval", async () => {
  await using open = await openProducer({ "statistics.interval.ms": 50, "client.id": "counted" });
  const seen: string[] = [];
  open.producer.on("event.stats", ({ message }) => void seen.push(message));
  const [first] = await soon(() => (seen.length >= 2 ? seen : undefined));
  expect(JSON.parse(`${first}`)).toMatchObject({ client_id: "counted", type: "producer" });
});

test("all brokers down is an event, the last error, and a count", async () => {
  const [port] = await freePorts(1);
  const producer = newProducer({ "bootstrap.servers": `127.0.0.1:${port}`, log_level: 0 });
  const errors: RdKafka.LibrdKafkaError[] = [];
  expect(producer.getLastError()).toBeNull();
  producer.on("event.error", (error) => void errors.push(error));
  const connecting = rejected(connect(producer, { timeout: 1500 }));
  // The native client is there before its first metadata is: polling can begin.
  await soon(() => thrownNothing(() => producer.setPollInBackground(true)));
  const down = await soon(() => errors.find(({ code }) => code === ERRORS.ERR__ALL_BROKERS_DOWN));
  expect(down).toMatchObject({ message: "all broker connections are down", origin: "local" });
  expect(producer.getLastError()).toBe(errors.at(-1)!);
  expect(await connecting).toMatchObject({ code: ERRORS.ERR__TRANSPORT });
  expect(producer.isConnected()).toBeFalse();
});

const thrownNothing = (act: () => void): true | undefined => {
  try {
    act();
    return true;
  } catch {
    return undefined;
  }
};

test("without polling no report comes, and one poll brings those that wait", async () => {
  const producer = newProducer({ ...MOCK, dr_cb: true, "linger.ms": 0 });
  let reports = 0;
  producer.on("delivery-report", () => reports++);
  await connect(producer);
  for (let i = 0; i < 10; i++) producer.produce("polled", 0, null);
  await Bun.sleep(100);
  expect(reports).toBe(0);
  producer.poll();
  expect(reports).toBe(10);
  await disconnect(producer);
});

test("polling goes by interval, in the background, and back", async () => {
  const producer = newProducer({ ...MOCK, dr_cb: true, "linger.ms": 0 });
  let reports = 0;
  producer.on("delivery-report", () => reports++);
  await connect(producer);
  const oneMore = async (turn: () => unknown) => {
    turn();
    const before = reports;
    producer.produce("polled", 0, null);
    await soon(() => (reports === before + 1 ? true : undefined));
  };
  await oneMore(() => producer.setPollInterval(5));
  await oneMore(() => producer.setPollInBackground(true));
  await oneMore(() => {
    producer.setPollInBackground(false);
    producer.setPollInterval(5);
  });
  producer.setPollInterval(0);
  producer.produce("polled", 0, null);
  await Bun.sleep(50);
  expect(reports).toBe(3);
  producer.setPollInBackground(true);
  await soon(() => (reports === 4 ? true : undefined));
  await disconnect(producer);
});

test("a flush brings the reports though nobody polls", async () => {
  const producer = newProducer({ ...MOCK, dr_cb: true });
  let reports = 0;
  producer.on("delivery-report", () => reports++);
  await connect(producer);
  for (let i = 0; i < 20_000; i++) producer.produce("flushed", null, null);
  await flush(producer);
  expect(reports).toBe(20_000);
  await disconnect(producer);
});

test("event_cb: false silences events, not reports", async () => {
  await using open = await openProducer({
    event_cb: false,
    "statistics.interval.ms": 20,
    log_level: 7,
    debug: "all",
  });
  let events = 0;
  for (const name of ["event.log", "event.stats", "event.error"] as const)
    open.producer.on(name, () => events++);
  open.producer.produce("quiet", 0, null);
  await open.reported(1);
  await Bun.sleep(60);
  expect(events).toBe(0);
});

test("an event listener that throws is an uncaught exception, and the next event still comes", async () => {
  const { code, output } = await runProgram(`
    let caught = 0;
    process.on("uncaughtException", (error) => {
      console.log("uncaught", error.message);
      if (++caught === 2) open.producer.disconnect();
    });
    const open = await openProducer({ "statistics.interval.ms": 20 });
    open.producer.on("event.stats", () => { throw new Error("listener"); });
  `);
  expect(output.split("\n").slice(0, 2)).toEqual(["uncaught listener", "uncaught listener"]);
  expect(code).toBe(0);
});
