import { expect, test } from "bun:test";
import { runProgram } from "./support.ts";

// The collector frees what nothing refers to: the growth of the process says whether the core lets go as well.
const MEASURE = `
  const rss = () => { Bun.gc(true); return process.memoryUsage.rss() / 2 ** 20; };
  const settle = async () => { for (let i = 0; i < 5; i++) { Bun.gc(true); await Bun.sleep(20); } };
  async function growth(round) {
    await round(); await round(); await settle();
    const before = rss();
    for (let i = 0; i < 4; i++) await round();
    await settle();
    return rss() - before;
  }
`;

test("producers that were never connected are freed", async () => {
  const { code, output, errors } = await runProgram(`${MEASURE}
    const grown = await growth(async () => {
      for (let i = 0; i < 1000; i++) newProducer(MOCK).getClient().configureCallbacks(true, { event: { delivery_cb() {} } });
      await settle();
    });
    console.log(grown < 16 ? "flat" : grown);
  `);
  expect({ code, output, errors }).toEqual({ code: 0, output: "flat", errors: "" });
});

test("a producer whose connect failed is collected, and so is one that lost its broker", async () => {
  const { code, output } = await runProgram(`
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    for (let i = 0; i < 40; i++) {
      const refused = i % 2 ? { ...MOCK, "enable.idempotence": true, acks: 1 } : { "bootstrap.servers": "127.0.0.1:1", log_level: 0 };
      const producer = newProducer({ dr_cb: true, ...refused });
      registry.register(producer);
      await connect(producer, { timeout: 10 }).catch(() => {});
    }
    for (let i = 0; i < 50 && collected < 30; i++) { Bun.gc(true); await Bun.sleep(10); }
    console.log(collected >= 30 ? "collected" : collected);
  `);
  expect({ code, output }).toEqual({ code: 0, output: "collected" });
});

test("constructors that throw leave nothing", async () => {
  const { code, output } = await runProgram(`${MEASURE}
    const grown = await growth(async () => {
      for (let i = 0; i < 3000; i++) try { newProducer({ "no.such": i }); } catch {}
      await settle();
    });
    console.log(grown < 16 ? "flat" : grown);
  `);
  expect({ code, output }).toEqual({ code: 0, output: "flat" });
});

test("producers that connected and disconnected are freed with their clients", async () => {
  const { code, output } = await runProgram(`${MEASURE}
    const broker = await openProducer();
    const one = async () => {
      const open = await openProducer({ "bootstrap.servers": broker.bootstrap, "test.mock.num.brokers": 0 });
      open.producer.produce("t", null, Buffer.alloc(1000), "key", null, { some: "opaque" });
      await disconnect(open.producer);
    };
    const grown = await growth(async () => { for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 10 }, one)); });
    await disconnect(broker.producer);
    console.log(grown < 24 ? "flat" : grown);
  `);
  expect({ code, output }).toEqual({ code: 0, output: "flat" });
}, 60_000);

test("a million messages with opaques, keys and headers leave nothing", async () => {
  const { code, output } = await runProgram(`${MEASURE}
    const open = await openProducer({ dr_msg_cb: true, "linger.ms": 5 });
    open.producer.on("delivery-report", () => { open.reports.length = 0; left--; });
    let left = 0;
    const grown = await growth(async () => {
      for (let i = 0; i < 50_000; i++) {
        open.producer.produce("t", null, Buffer.from("value " + i), "key " + i, null, { i }, [{ name: "value" }]);
        left++;
        if (left > 20_000) await Bun.sleep(5);
      }
      await flush(open.producer);
    });
    await disconnect(open.producer, 0);
    console.log(grown);
  `);
  expect(code).toBe(0);
  expect(Number(output)).toBeLessThan(100);
}, 60_000);
