import { dlopen } from "bun:ffi";
import { bytes, configured, sent } from "./posts.ts";
import { called, connect, disconnect, flush, MOCK, newProducer, openProducer, thrown } from "./support.ts";

// Walks through the core once, each way in and each way out, and lets go of everything: what is left is a leak.
// Given the file of LeakSanitizer's library, which must be loaded, it asks for the list and exits with 1 if there is any.

async function produceAll(): Promise<void> {
  const open = await openProducer({ dr_msg_cb: true, "statistics.interval.ms": 20 });
  const { producer } = open;
  producer.on("event.stats", () => {});
  for (let i = 0; i < 500; i++) {
    producer.produce("exercised", null, Buffer.from(`${i}`), `key ${i}`, Date.now(), { i }, [
      { name: "value" },
    ]);
  }
  await flush(producer, 60_000);
  await called((done) => producer.getMetadata({ topic: "exercised", allTopics: false }, done));
  await called((done) => producer.queryWatermarkOffsets("exercised", 0, 60_000, done));
  thrown(() => producer.produce("exercised", 0, "no bytes" as unknown as Buffer));
  thrown(() => producer.produce("exercised", 99, null, null, null, {}, [{ name: "value" }]));
  await disconnect(producer);
  await connect(producer);
  for (let i = 0; i < 500; i++)
    producer.produce("dropped", null, null, "key", null, { i }, [{ name: "value" }]);
  await disconnect(producer, 0);
}

async function transact(): Promise<void> {
  const open = await openProducer({ "transactional.id": "exercise" });
  const { producer } = open;
  await called((done) => producer.initTransactions(60_000, done));
  for (const end of ["commitTransaction", "abortTransaction"] as const) {
    await called((done) => producer.beginTransaction(done));
    producer.produce("exercised", null, null, "key");
    await called((done) => producer[end](60_000, done));
  }
  await disconnect(producer);
}

async function refuse(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    newProducer(MOCK)
      .getClient()
      .configureCallbacks(true, { event: { event_cb: () => {} } });
    thrown(() => newProducer({ "no.such.property": i }));
  }
  const refused = newProducer({ ...MOCK, "enable.idempotence": true, acks: 1 });
  await new Promise((resolve) => refused.connect({}, resolve));
}

async function post(): Promise<void> {
  const open = await openProducer({ "queue.buffering.max.messages": 100 });
  const core = configured(open);
  for (let i = 0; i < 200; i++)
    core.produceEvent(bytes({ data: i, key: `${i}`, headers: { a: "b" } }), 0, { i });
  for (const body of ["{", "{}"]) core.produceEvent(Buffer.from(body), 0, {});
  await flush(open.producer, 60_000);
  await sent(core, [
    { type: "user", data: 1, id: "own" },
    { type: "order", data: 2 },
  ]).done;
  for (let i = 0; i < 10; i++) core.produceEvent(bytes({ data: i }), 1, { i });
  sent(core, [{ type: "user", data: 1 }]);
  await disconnect(open.producer, 0);
}

for (let round = 0; round < 2; round++) {
  await produceAll();
  await post();
  await transact();
  await refuse();
}
const sanitizer = process.argv[2];
let leaks = await collected();
// What a register or the stack still seems to refer to is kept by the collector for now; what leaks is there for ever.
for (let i = 0; i < 20 && leaks !== 0; i++) leaks = await collected();
process.exitCode = leaks;
console.log("exercised");

/** What LeakSanitizer finds lost after a collection; 0 without it. */
async function collected(): Promise<number> {
  for (let i = 0; i < 10; i++) {
    Bun.gc(true);
    await Bun.sleep(10);
  }
  if (sanitizer === undefined) return 0;
  const name = "__lsan_do_recoverable_leak_check";
  const { symbols } = dlopen(sanitizer, { [name]: { returns: "i32", args: [] } });
  return Number(symbols[name]?.());
}
