import { expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { COLUMNS, type EventCore, eventCore, REFUSED } from "../../src/infrastructure/kafka/core.ts";
import { waitUntil } from "../helpers/wait.ts";
import { bytes, configured, never, OPTIONS, sent } from "./posts.ts";
import { openProducer, runProgram, thrown } from "./support.ts";

const { ERRORS } = RdKafka.CODES;
const LINGERING = { "linger.ms": 60_000 };

const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

const queueIsEmpty = (core: EventCore) =>
  waitUntil(
    () => (core.queued().messages === 0 ? core.queued() : undefined),
    5000,
    () => new Error(`left: ${core.queued().messages}`),
  );

/** An event that takes some 100 KB, most of it for one of its parts: headers twice, since librdkafka copies them. */
const LARGE = {
  data: { data: ["x".repeat(100_000)] },
  headers: { data: 1, headers: { a: "x".repeat(25_000), ["b".repeat(25_000)]: "" } },
};

test.each(Object.entries(LARGE))(
  "the queue's bytes are bounded, whatever part of an event they are in: %s",
  async (_, event) => {
    await using open = await openProducer(LINGERING);
    const core = configured(open, { maxBytes: 450_000 });
    // The first goes at once, the others are held.
    const taken = Array.from({ length: 6 }, () => core.produceEvent(bytes(event), 0, {}));
    expect(taken.map((result) => (typeof result === "string" ? 0 : result))).toEqual([
      ...times(4, 0),
      ...times(2, ERRORS.ERR__QUEUE_FULL),
    ]);
    const { messages, bytes: queued } = core.queued();
    expect(messages).toBe(4);
    expect(queued).toBeWithin(400_000, 450_000);
    const events = (count: number) => bytes(times(count, { ...event, type: "user" }));
    expect(core.produceBatch(events(1), false, never)).toBe(REFUSED.noRoom);
    expect(core.produceBatch(events(5), false, never)).toBe(REFUSED.tooMuch);
    core.purge();
    expect(await queueIsEmpty(core)).toEqual({ messages: 0, bytes: 0 });
    expect(core.produceBatch(events(4), false, () => {})).toBeObject();
  },
);

test("a key counts, and many small headers count for the memory that they take", async () => {
  await using open = await openProducer(LINGERING);
  const core = configured(open);
  const bytesOf = (event: object) => {
    const before = core.queued().bytes;
    sent(core, [{ type: "user", data: 1, ...event }]);
    return core.queued().bytes - before;
  };
  const bare = bytesOf({});
  // librdkafka has a copy of its own.
  expect(bytesOf({ key: "k".repeat(30_000) })).toBe(bare + 2 * 30_000);
  const headers = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [i, ""]));
  expect(bytesOf({ headers })).toBeGreaterThan(bare + 99 * 50);
});

test("what produce() took counts as well, before the events were configured and after", async () => {
  await using open = await openProducer(LINGERING);
  const core = eventCore(open.producer);
  const produce = () =>
    open.producer.produce("t", null, Buffer.alloc(1000), "k".repeat(100), null, null, [
      { a: "x".repeat(10) },
    ]);
  produce();
  const once = core.queued();
  expect(once).toEqual({ messages: 1, bytes: expect.any(Number) });
  expect(once.bytes).toBeWithin(1111 + 700, 1300 + 710);
  configured(open);
  produce();
  expect(core.queued()).toEqual({ messages: 2, bytes: 2 * once.bytes });
  open.producer.produce("t", null, null);
  expect(core.queued()).toEqual({ messages: 3, bytes: 3 * once.bytes - (1000 + 100 + "a".length + 10 + 64) });
  core.purge();
  await open.reported(3);
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
});

test("an event is too large by its headers, too, held or not", async () => {
  await using open = await openProducer(LINGERING);
  const core = configured(open, { maxMessageBytes: 50_000 });
  const large = { data: 1, headers: { a: "x".repeat(25_000), b: "x".repeat(25_000) } };
  expect(core.produceEvent(bytes(large), 0, {})).toBe(ERRORS.ERR_MSG_SIZE_TOO_LARGE);
  expect(core.produceEvent(bytes({ data: 1 }), 0, {})).toBeString();
  expect(core.produceEvent(bytes(large), 0, {})).toBe(ERRORS.ERR_MSG_SIZE_TOO_LARGE);
  expect(core.queued().messages).toBe(1);
});

test("the view of the queue has its figures without a call, and all that ever left it", async () => {
  await using open = await openProducer(LINGERING);
  const core = configured(open);
  const view = core.queueView();
  expect([...view]).toEqual([0, 0, 0, 0]);
  core.produceEvent(bytes({ data: 1 }), 0, {});
  sent(core, [{ type: "user", data: 1 }]);
  const { messages, bytes: held } = core.queued();
  expect([...view]).toEqual([messages, held, 0, 0]);
  expect(core.queueView()).toBe(view);
  core.purge();
  await queueIsEmpty(core);
  expect([...view]).toEqual([0, 0, held, 0]);
});

test("what is written beside the queue takes room of it, for one event and for many", async () => {
  await using open = await openProducer(LINGERING);
  const core = configured(open, { maxBytes: 100_000 });
  const view = core.queueView();
  const take = () => [
    core.produceEvent(bytes({ data: 1 }), 0, {}),
    core.produceBatch(bytes([{ type: "user", data: 1 }]), false, () => {}),
  ];
  view[3] = 99_500;
  expect(take()).toEqual([ERRORS.ERR__QUEUE_FULL, REFUSED.noRoom]);
  view[3] = 0;
  expect(take()).toEqual([expect.any(String), expect.any(Object)]);
});

test.each([false, true])(
  "librdkafka has room for all of a batch that is taken, binary: %p",
  async (binary) => {
    const LIMIT = 1024 * 1024;
    await using open = await openProducer({ ...LINGERING, "queue.buffering.max.kbytes": 1024 });
    // Most of each event is not in the body that is posted, and what is there grows when it is escaped.
    const type = `${'"'.repeat(200)}${"t".repeat(200)}`;
    const core = configured(open, {
      binary,
      maxBytes: LIMIT,
      source: '"\n'.repeat(500),
      events: [
        { type, topic: "users" },
        { type, topic: "orders" },
      ],
    });
    const events = [
      { type: "user", data: 1 },
      { type: "order", data: {}, id: "\u0001".repeat(200), key: "k", time: "2024-01-01T12:00:00Z" },
      { type: "user", data: [], headers: { a: "b" } },
    ];
    let [taken, refused] = [0, 0];
    for (let count = 1; refused < 3; count += 7) {
      const batch = core.produceBatch(
        bytes(Array.from({ length: count }, (_, i) => events[i % 3])),
        false,
        () => {},
      );
      if (typeof batch === "number") {
        refused++;
        continue;
      }
      taken += count;
      const codes = Array.from({ length: count }, (_, i) => batch.table[i * COLUMNS]);
      expect(codes.filter((code) => !Number.isNaN(code))).toEqual([]);
    }
    expect(core.queued().messages).toBe(taken);
    // The bound is near: a tenth is left at most, where a batch of this size was refused.
    expect(taken).toBeGreaterThan(100);
    expect(core.queued().bytes).toBeLessThanOrEqual(LIMIT);
  },
);

test("a listener may have events refused: each opaque comes back once, with its own report", async () => {
  await using open = await openProducer({ ...LINGERING, "queue.buffering.max.messages": 10 });
  const core = configured(open);
  const { producer } = open;
  const post = (opaque: string) => core.produceEvent(bytes({ data: 1, key: opaque }), 0, opaque);
  const fill = () => {
    while (thrown(() => producer.produce("filler", 0, null)) === undefined);
  };
  const came: unknown[] = [];
  let nested = false;
  producer.on("delivery-report", (error, { opaque, key }) => {
    if (opaque === undefined || opaque === "later") return;
    came.push([opaque, String(key), error?.code]);
    if (nested) return;
    nested = true;
    post("nested 0");
    core.handOver(); // librdkafka has it, so the others are held, whether all outer ones have been reported or not
    for (const i of [1, 2, 3]) post(`nested ${i}`);
    fill();
    core.handOver();
  });
  const outer = ["outer 0", "outer 1", "outer 2"];
  for (const opaque of outer) post(opaque);
  core.handOver();
  core.purge();
  const reported = (count: number) =>
    waitUntil(
      () => (came.length >= count ? true : undefined),
      4000,
      () => new Error(`came: ${came}`),
    );
  await reported(6);
  post("later"); // taken or refused, it must not take the slot of one that is still to be reported
  core.purge();
  await reported(7);
  await Bun.sleep(20);
  expect(came.toSorted()).toEqual([
    ["nested 0", "nested 0", ERRORS.ERR__PURGE_QUEUE],
    ...[1, 2, 3].map((i) => [`nested ${i}`, `nested ${i}`, ERRORS.ERR__QUEUE_FULL]),
    ...outer.map((opaque) => [opaque, opaque, ERRORS.ERR__PURGE_QUEUE]),
  ]);
});

test("an offset that Kafka does not tell is null in receipts, for each event of a batch", async () => {
  await using open = await openProducer({ acks: 0, "linger.ms": 50 });
  const core = configured(open, { maxMessages: 2000, maxBytes: 4_000_000 });
  const batch = sent(core, times(1500, { type: "user", data: 1, key: "one partition" }));
  const { receipts } = JSON.parse((await batch.done)!);
  expect(receipts).toHaveLength(1500);
  for (const [i, receipt] of receipts.entries()) {
    expect(receipt).toMatchObject({ status: "delivered", offset: null, timestamp: expect.any(Number) });
    expect(batch.table[i * COLUMNS + 3]).toBeLessThan(0);
  }
  open.producer.produce("users", 0, null);
  expect((await open.reported(1))[0]).toMatchObject({ offset: -1001 });
});

test.each([
  ["an empty object", {}],
  ["no scan", { ...OPTIONS, scan: undefined }],
  ["a scan that is no object", { ...OPTIONS, scan: "x" }],
  ["no members", { ...OPTIONS, scan: { ...OPTIONS.scan, members: undefined } }],
  ["members that are none", { ...OPTIONS, scan: { ...OPTIONS.scan, members: [1] } }],
  ["a member without a name", { ...OPTIONS, scan: { ...OPTIONS.scan, members: [{}] } }],
  [
    "a kind that is none",
    { ...OPTIONS, scan: { ...OPTIONS.scan, members: [{ name: "a", kind: "b", required: true }] } },
  ],
  [
    "too many members",
    { ...OPTIONS, scan: { ...OPTIONS.scan, members: times(33, OPTIONS.scan.members[0]) } },
  ],
  ["types that are no names", { ...OPTIONS, scan: { ...OPTIONS.scan, types: [1, 2] } }],
  ["no reserved headers", { ...OPTIONS, scan: { ...OPTIONS.scan, reservedHeaders: undefined } }],
  ["fewer events than types", { ...OPTIONS, events: OPTIONS.events.slice(1) }],
  ["an event without a topic", { ...OPTIONS, events: [{ type: "a" }, { type: "b" }] }],
  ["a type that is too long", { ...OPTIONS, events: times(2, { type: "a".repeat(600), topic: "b" }) }],
  ["no limit", { ...OPTIONS, maxBytes: "1" }],
  [
    "a getter that throws",
    Object.defineProperty({}, "scan", {
      get: () => {
        throw new Error("mine must be kept");
      },
    }),
  ],
])("options with %s are refused with an error, and others are taken then", async (_, options) => {
  await using open = await openProducer();
  const core = eventCore(open.producer);
  expect(thrown(() => core.configureEvents(options as never))?.message).toContain(" must be ");
  expect(thrown(() => core.produceEvent(bytes({ data: 1 }), 0, {}))?.message).toContain("comes first");
  configured(open);
  expect(core.produceEvent(bytes({ data: 1 }), 0, {})).toBeString();
});

test("a table whose memory was given away is not written any more", async () => {
  const { code, output, errors } = await runProgram(`
    import { configured, sent } from "./test/native/posts.ts";
    const open = await openProducer({ "linger.ms": 50 });
    const core = configured(open);
    const batch = sent(core, Array.from({ length: 500 }, () => ({ type: "user", data: 1 })));
    const taken = new Float64Array(batch.table.buffer.transfer());
    const receipts = await batch.done;
    console.log(receipts, batch.table.length, taken.length, Number.isNaN(taken[0]), core.queued().messages);
    await disconnect(open.producer);
  `);
  expect({ code, output, errors }).toEqual({ code: 0, output: "undefined 0 2500 true 0", errors: "" });
});

test("a batch is looked at without being taken: what is wrong with it for good is said", async () => {
  await using open = await openProducer();
  const core = configured(open, { maxMessages: 2 });
  const event = { type: "user", data: 1 };
  expect(core.checkBatch(bytes([event, event]), false)).toBe(0);
  expect(core.checkBatch(bytes(event), true)).toBe(0);
  expect(core.checkBatch(Buffer.from('[{"type":"user","data":}]'), false)).toBe(REFUSED.malformed);
  expect(core.brokenAt()).toBe(23);
  expect(core.checkBatch(bytes([{ type: "user" }]), false)).toBe(REFUSED.invalid);
  expect(core.checkBatch(bytes(times(3, event)), false)).toBe(REFUSED.tooMuch);
  expect(core.queued()).toEqual({ messages: 0, bytes: 0 });
  expect(thrown(() => core.checkBatch(1 as never, false))?.message).toContain("body");
  await using unconfigured = await openProducer();
  const bare = eventCore(unconfigured.producer);
  expect(thrown(() => bare.checkBatch(bytes([]), false))?.message).toContain("configureEvents");
});
