import { expect, test } from "bun:test";
import { freePorts } from "../helpers/ports.ts";
import { runProgram } from "./support.ts";

// Each program ends at an awkward moment: its exit code says that nothing crashed, its output what came before.

test("a program that disconnected ends by itself", async () => {
  const { code, output } = await runProgram(`
    const open = await openProducer();
    for (let i = 0; i < 1000; i++) open.producer.produce("t", null, null, "k", null, { i });
    await disconnect(open.producer);
    console.log(open.reports.length, open.producer.isConnected());
  `);
  expect({ code, output }).toEqual({ code: 0, output: "1000 false" });
});

test("a disconnect without time for a flush drops what is in flight, and ends", async () => {
  const { code, output } = await runProgram(`
    const open = await openProducer({ "linger.ms": 10_000 });
    for (let i = 0; i < 50_000; i++) open.producer.produce("t", null, Buffer.alloc(100), null, null, { i });
    await disconnect(open.producer, 0);
    console.log(open.reports.length < 50_000);
  `);
  expect({ code, output }).toEqual({ code: 0, output: "true" });
});

test("a disconnect inside a delivery listener ends well, with no report after its callback", async () => {
  const { code, output } = await runProgram(`
    const open = await openProducer();
    let late = 0, closed = false;
    open.producer.on("delivery-report", (_, { opaque }) => {
      if (closed) late++;
      if (opaque === 10) open.producer.getClient().disconnect(() => { closed = true; });
    });
    for (let i = 0; i < 5000; i++) open.producer.produce("t", null, null, null, null, i);
    process.on("exit", () => console.log(closed, late));
  `);
  expect({ code, output }).toEqual({ code: 0, output: "true 0" });
});

test("upstream's own disconnect inside a delivery listener waits for the other reports", async () => {
  const { code, output } = await runProgram(`
    const open = await openProducer();
    open.producer.once("delivery-report", () => open.producer.disconnect());
    for (let i = 0; i < 5000; i++) open.producer.produce("t", null, null, null, null, i);
    process.on("exit", () => console.log(open.reports.length));
  `);
  expect({ code, output }).toEqual({ code: 0, output: "5000" });
});

test("native disconnects at once all answer", async () => {
  const { code, output } = await runProgram(`
    const open = await openProducer();
    open.producer.produce("t", null, null);
    const client = open.producer.getClient();
    await Promise.all([1, 2, 3].map(() => called((done) => client.disconnect(done))));
    console.log("all");
  `);
  expect({ code, output }).toEqual({ code: 0, output: "all" });
});

test("a disconnect while the client is being made leaves nothing connected behind", async () => {
  const { code, output } = await runProgram(`
    const producer = newProducer(MOCK);
    let failure;
    producer.connect({}, (error) => { failure = error.message; });
    let refused;
    try { producer.disconnect(); } catch (error) { refused = error.message; }
    producer.getClient().disconnect(() => {});
    process.on("exit", () => console.log([refused, failure, producer.isConnected()].join()));
  `);
  expect({ code, output }).toEqual({
    code: 0,
    output: "Producer not connected,Disconnected while connecting,false",
  });
});

test("a disconnect does not wait for metadata of an unreachable broker, and answers after it", async () => {
  const [port] = await freePorts(1);
  const { code, output } = await runProgram(`
    const producer = newProducer({ "bootstrap.servers": "127.0.0.1:${port}", log_level: 0 });
    const answers = [];
    producer.connect({ timeout: 600_000 }, () => {});
    while (!producer.isConnected()) await Bun.sleep(1);
    for (let i = 0; i < 10; i++) producer.getMetadata({ timeout: 600_000 }, (error) => answers.push(error.code));
    await Bun.sleep(100);
    await disconnect(producer, 0);
    console.log(answers.join());
  `);
  expect({ code, output }).toEqual({ code: 0, output: Array(10).fill(-195).join() });
});

test("a program that ends by itself does not wait for an unreachable broker's threads", async () => {
  const [port] = await freePorts(1);
  const { code } = await runProgram(`
    const producer = newProducer({ "bootstrap.servers": "127.0.0.1:${port}", log_level: 0 });
    producer.connect({ timeout: 60_000 }, () => {});
    setTimeout(() => process.exit(3), 50);
  `);
  expect(code).toBe(3);
});

test("process.exit with 50,000 in flight ends at once, with its code", async () => {
  const { code, output } = await runProgram(`
    const open = await openProducer();
    for (let i = 0; i < 50_000; i++) open.producer.produce("t", null, Buffer.alloc(100), "key", null, { i });
    console.log("out");
    process.exit(7);
  `);
  expect({ code, output }).toEqual({ code: 7, output: "out" });
});

test("process.exit inside a delivery listener keeps its code", async () => {
  const { code } = await runProgram(`
    const open = await openProducer();
    open.producer.on("delivery-report", () => process.exit(5));
    for (let i = 0; i < 10_000; i++) open.producer.produce("t", null, Buffer.alloc(100), "key", null, { i });
  `);
  expect(code).toBe(5);
});

test("an uncaught error with messages in flight is exit code 1 and its text", async () => {
  const { code, errors } = await runProgram(`
    const open = await openProducer();
    for (let i = 0; i < 10_000; i++) open.producer.produce("t", null, Buffer.alloc(100), "key", null, { i });
    setTimeout(() => { throw new Error("of the program's own"); }, 1);
  `);
  expect(code).toBe(1);
  expect(errors).toContain("of the program's own");
});

test("a connected producer keeps its program alive, and SIGTERM ends it", async () => {
  const { code, signal } = await runProgram(
    `const open = await openProducer();
     for (let i = 0; i < 10_000; i++) open.producer.produce("t", null, Buffer.alloc(100));
     console.log("up");`,
    (printed) => (printed.includes("up") ? "SIGTERM" : undefined),
  );
  expect({ code, signal }).toEqual({ code: null, signal: "SIGTERM" });
});

test("a program without a disconnect ends when it is told to, its hooks run", async () => {
  const { code, output } = await runProgram(
    `process.on("SIGTERM", () => { console.log("draining"); open.producer.disconnect(() => console.log("drained")); });
     const open = await openProducer({ "linger.ms": 100 });
     for (let i = 0; i < 10_000; i++) open.producer.produce("t", null, Buffer.alloc(100));
     process.on("exit", () => console.log(open.reports.length));
     console.log("up");`,
    (printed) => (printed.endsWith("up\n") ? "SIGTERM" : undefined),
  );
  expect({ code, output }).toEqual({ code: 0, output: "up\ndraining\ndrained\n10000" });
});

test("a producer that is only configured keeps nothing alive", async () => {
  const { code, output } = await runProgram(`
    for (let i = 0; i < 100; i++) newProducer(MOCK).getClient().configureCallbacks(true, {});
    console.log("end");
  `);
  expect({ code, output }).toEqual({ code: 0, output: "end" });
});
