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
    async function send(count, padding) {
      for (let i = 0; i < count; i++) {
        open.producer.produce("t", null, Buffer.from("value " + i + padding), "key " + i, null, { i }, [{ name: "value" }]);
        if (++left > 2000) await flush(open.producer);
      }
      await flush(open.producer);
      await settle();
    }
    // The mock broker keeps 5 MB of each of its four partitions: full, it grows no more.
    await send(30_000, "x".repeat(1000));
    await send(100_000, "");
    const before = rss();
    for (let round = 0; round < 10; round++) await send(100_000, "");
    console.log(left, rss() - before);
    await disconnect(open.producer, 0);
  `);
  const [left, grown] = output.split(" ");
  expect({ code, left }).toEqual({ code: 0, left: "0" });
  // 32 bytes, the least that malloc can lose, are 30 MiB over a million messages.
  expect(Number(grown)).toBeLessThan(12);
}, 60_000);
