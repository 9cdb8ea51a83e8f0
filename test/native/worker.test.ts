import { expect, test } from "bun:test";
import { runProgram } from "./support.ts";

const PRELUDE = `
  import { Worker } from "node:worker_threads";
  const broker = await openProducer();
  const start = (ending, messages = 1000) =>
    new Worker("./test/native/worker-program.ts", { workerData: { bootstrap: broker.bootstrap, messages, ending } });
  const message = (worker) => new Promise((resolve) => worker.once("message", resolve));
  const exit = (worker) => new Promise((resolve) => worker.once("exit", resolve));
`;
const run = (source: string) =>
  runProgram(`${PRELUDE}${source}
    await disconnect(broker.producer);
    console.log("end");`);

test("a worker that disconnects ends by itself", async () => {
  const { code, output } = await run(`
    const worker = start("disconnect");
    const ended = exit(worker);
    console.log(await message(worker));
    await ended;`);
  expect({ code, output }).toEqual({ code: 0, output: "1000\nend" });
});

test("workers beside each other keep to themselves", async () => {
  const { code, output } = await run(`
    const workers = Array.from({ length: 4 }, () => start("disconnect"));
    const ended = workers.map(exit);
    console.log((await Promise.all(workers.map(message))).join(" "));
    await Promise.all(ended);`);
  expect({ code, output }).toEqual({ code: 0, output: "1000 1000 1000 1000\nend" });
});

test("workers can be terminated one after the other with messages in flight", async () => {
  const { code, output } = await run(`
    for (let i = 0; i < 20; i++) {
      const worker = start("wait", 20_000);
      await message(worker);
      await Bun.sleep(i);
      await worker.terminate();
    }`);
  expect({ code, output }).toEqual({ code: 0, output: "end" });
}, 60_000);

test("workers can be terminated while they connect", async () => {
  const { code, output } = await run(`
    for (let i = 0; i < 20; i++) {
      const worker = start("connect");
      await message(worker);
      await Bun.sleep(i / 4);
      await worker.terminate();
    }`);
  expect({ code, output }).toEqual({ code: 0, output: "end" });
}, 60_000);

test("a worker that leaves or throws with messages in flight takes nothing with it", async () => {
  const { code, output } = await run(`
    for (const ending of ["leave", "throw", "leave"]) {
      const worker = start(ending, 20_000);
      worker.on("error", (error) => console.log(error.message));
      await exit(worker);
    }`);
  expect({ code, output }).toEqual({ code: 0, output: "of the worker's own\nend" });
}, 60_000);

test("the process can exit while workers produce", async () => {
  const { code } = await run(`
    const workers = [start("wait", 20_000), start("wait", 20_000)];
    await Promise.all(workers.map(message));
    process.exit(4);`);
  expect(code).toBe(4);
});
