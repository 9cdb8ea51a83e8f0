import { expect, test } from "bun:test";
import { type Failure, failure } from "../../src/domain/errors.ts";
import type { EventType } from "../../src/domain/event.ts";
import type { RawBatch, TakenBatch, TransactionResult } from "../../src/domain/ports.ts";
import type { AtomicOutcome } from "../../src/usecase/atomic-batch.ts";
import { createAtomicPublisher } from "../../src/usecase/atomic.ts";
import { createBooks } from "../../src/usecase/books.ts";
import { createEventLog } from "../../src/usecase/eventlog.ts";
import { createTally } from "../../src/usecase/tally.ts";
import { waitUntil } from "../helpers/wait.ts";

const USER: EventType = { name: "user", type: "user_created", topic: "events" };
/** Longer than any test runs. */
const LONG = 60_000;
const TOO_LARGE = failure("event-too-large", "too large");
const DOWN = failure("kafka-unavailable", "down");

test("a batch is answered with its receipts when its transaction is committed, and not before", async () => {
  const { publish, next, counts } = start();
  const answer = publish("a");
  const transaction = await next();
  expect(transaction.names).toEqual(["a"]);
  expect(Bun.peek.status(answer)).toBe("pending");
  transaction.commit();
  expect(await answer).toEqual({ status: "delivered", json: Buffer.from("receipts of a") });
  expect(counts()).toEqual({ accepted: 2, published: 2, failed: 0, lost: 0 });
});

test("batches that come while a transaction is under way go together into the next, in their order", async () => {
  const { publish, next } = start();
  const answers = [publish("a")];
  const first = await next();
  answers.push(...["b", "c", "d"].map((name) => publish(name)));
  first.commit();
  const second = await next();
  expect(second.names).toEqual(["b", "c", "d"]);
  second.commit();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(4).fill("delivered"));
});

test("when a shared transaction fails for good each batch is tried alone, and only the reason fails", async () => {
  const { publish, next, counts } = start();
  const answers = ["a", "poison", "c"].map((name) => publish(name));
  (await next()).abort(TOO_LARGE);
  const alone = ["a", "poison", "c"];
  for (const name of alone) {
    const transaction = await next();
    expect(transaction.names).toEqual([name]);
    if (name === "poison") transaction.abort(TOO_LARGE);
    else transaction.commit();
  }
  const outcomes = await Promise.all(answers);
  expect(outcomes.map(({ status }) => status)).toEqual(["delivered", "failed", "delivered"]);
  expect(outcomes[1]).toEqual({ status: "failed", error: TOO_LARGE });
  expect(counts()).toEqual({ accepted: 6, published: 4, failed: 2, lost: 0 });
});

test("what may pass is tried again after a wait, at most KAFKA_MAX_RETRIES times, first together and then alone", async () => {
  const { publish, next, counts } = start({ maxRetries: 2 });
  const answers = [publish("a"), publish("b")];
  const tried: string[][] = [];
  for (let i = 0; i < 5; i++) {
    const transaction = await next();
    tried.push(transaction.names);
    if (i === 3) transaction.commit();
    else transaction.abort(DOWN);
    if (i === 3) break;
  }
  expect(tried).toEqual([["a", "b"], ["a", "b"], ["a"], ["b"]]);
  expect(await answers[0]).toEqual({ status: "failed", error: DOWN });
  expect(await answers[1]).toMatchObject({ status: "delivered" });
  expect(counts()).toEqual({ accepted: 4, published: 2, failed: 2, lost: 0 });
});

test("a batch whose time is over is taken back, and those with it are tried again at once", async () => {
  const { publish, next } = start();
  const answers = [publish("patient"), publish("hasty", 100)];
  const first = await next();
  expect(await answers[1]).toMatchObject({
    status: "refused",
    error: { code: "kafka-unavailable", detail: expect.stringContaining("nothing of it will be seen") },
  });
  expect(first.cancelled).toBeTrue();
  first.cancelAll();
  const second = await next();
  expect(second.names).toEqual(["patient"]);
  second.commit();
  expect(await answers[0]).toMatchObject({ status: "delivered" });
});

test("a batch whose time is over in the queue is not tried", async () => {
  const { publish, next } = start();
  const first = publish("a");
  const transaction = await next();
  expect(await publish("b", 1)).toMatchObject({ status: "refused", error: { code: "kafka-unavailable" } });
  const third = publish("c");
  transaction.commit();
  const second = await next();
  expect(second.names).toEqual(["c"]);
  second.commit();
  expect(await first).toMatchObject({ status: "delivered" });
  expect(await third).toMatchObject({ status: "delivered" });
});

test("a commit that takes longer than its poster waits is answered as not known, and booked when it is known", async () => {
  const { publish, next, counts } = start({ committing: true });
  const answers = [publish("a", 100), publish("b")];
  const transaction = await next();
  expect(await answers[0]).toMatchObject({
    status: "failed",
    error: { code: "delivery-timeout", retryAfter: 1, detail: expect.stringContaining("within 100 ms") },
  });
  expect(counts()).toMatchObject({ published: 0, failed: 0 });
  transaction.commit();
  expect(await answers[1]).toMatchObject({ status: "delivered" });
  expect(counts()).toEqual({ accepted: 4, published: 4, failed: 0, lost: 0 });
});

test("what was answered as not known and then aborted is not tried again, and is lost", async () => {
  const { publish, next, counts } = start({ committing: true });
  const answer = publish("a", 100);
  const transaction = await next();
  expect(await answer).toMatchObject({ status: "failed", error: { code: "delivery-timeout" } });
  transaction.abort(DOWN);
  await waitUntil(
    () => counts().lost === 2 || undefined,
    5000,
    () => new Error("nothing was lost"),
  );
  expect(counts()).toEqual({ accepted: 2, published: 0, failed: 2, lost: 2 });
});

test("an outcome that nobody knows is told as that, and the batch is not tried again", async () => {
  const { publish, next, transactions } = start();
  const answer = publish("a");
  (await next()).forget(DOWN);
  expect(await answer).toMatchObject({
    status: "failed",
    error: {
      code: "delivery-timeout",
      detail: expect.stringContaining("either the whole batch is in Kafka or nothing"),
    },
  });
  await Bun.sleep(5);
  expect(transactions).toHaveLength(1);
});

test("a batch that is not valid is refused before it waits for anything", async () => {
  const { publish, transactions, counts } = start();
  expect(await publish("invalid")).toMatchObject({ status: "refused", error: { code: "invalid-event" } });
  expect(transactions).toEqual([]);
  expect(counts()).toMatchObject({ accepted: 0 });
});

test("a batch that finds no room beside others is tried alone", async () => {
  const { publish, next } = start();
  const answers = [publish("a"), publish("large")];
  const first = await next();
  first.commit({ large: failure("admission-closed", "no room") });
  const second = await next();
  expect(second.names).toEqual(["large"]);
  second.commit();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(["delivered", "delivered"]);
});

test("what waits is bounded, by its bytes and by its number", async () => {
  const bytes = start({ maxBytes: 10 });
  const held = bytes.publish("12345");
  await bytes.next();
  expect(await bytes.publish("678901")).toMatchObject({
    status: "refused",
    error: { code: "admission-closed", retryAfter: 1 },
  });
  const inTime = bytes.publish("67890");
  bytes.transactions[0]!.commit();
  (await bytes.next()).commit();
  expect((await Promise.all([held, inTime])).map(({ status }) => status)).toEqual(["delivered", "delivered"]);

  const number = start();
  const answers = Array.from({ length: 1001 }, () => number.publish("x"));
  expect(await answers.pop()).toMatchObject({ status: "refused", error: { code: "admission-closed" } });
  const sizes: number[] = [];
  for (let left = 1000; left > 0; left -= sizes.at(-1)!) {
    const transaction = await number.next();
    sizes.push(transaction.names.length);
    transaction.commit();
  }
  expect(Math.max(...sizes)).toBe(100);
  await Promise.all(answers);
});

test("giving up ends what is not being committed, and takes nothing more", async () => {
  const { publish, next, atomic, counts } = start();
  const answers = [publish("a")];
  const transaction = await next();
  answers.push(publish("b"));
  await Bun.sleep(0);
  const over = atomic.abandon();
  expect(await Promise.all(answers)).toMatchObject([
    { status: "refused", error: { code: "delivery-abandoned" } },
    { status: "refused", error: { code: "delivery-abandoned" } },
  ]);
  expect(transaction.cancelled).toBeTrue();
  transaction.cancelAll();
  await over;
  expect(await publish("c")).toMatchObject({ status: "refused", error: { code: "draining" } });
  expect(counts()).toMatchObject({ published: 0, lost: 0 });
});

test("giving up leaves a commit under way its time", async () => {
  const { publish, next, atomic } = start({ committing: true });
  const answer = publish("a");
  const transaction = await next();
  const over = atomic.abandon();
  transaction.commit();
  expect(await answer).toMatchObject({ status: "delivered" });
  await over;
});

interface Settings {
  maxRetries?: number;
  maxBytes?: number;
  /** Whether the commit begins with the transaction. */
  committing?: boolean;
}

/** A publisher on transactions that end when they are told to. Each batch has two events, and its body is its name. */
function start({ maxRetries = 3, maxBytes = 1e6, committing = false }: Settings = {}) {
  const tally = createTally([USER.type]);
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const eventLog = createEventLog(silent, 0);
  const books = createBooks({ types: [USER], tally, eventLog, now: () => 0 });
  const transactions: FakeTransaction[] = [];
  let seen = 0;
  const port = {
    check: async ({ body }: RawBatch) =>
      String(body) === "invalid" ? failure("invalid-event", "no event") : undefined,
    publishTogether(batches: readonly RawBatch[]) {
      const transaction = createTransaction(batches, committing);
      transactions.push(transaction);
      return transaction;
    },
  };
  const atomic = createAtomicPublisher({ transactions: port, books, maxRetries, maxBytes, retryBackoff: 1 });
  return {
    atomic,
    transactions,
    publish: (name: string, wait = LONG): Promise<AtomicOutcome> =>
      atomic.publish({ body: Buffer.from(name), framing: "array" }, wait),
    next: () =>
      waitUntil(
        () => (transactions.length > seen ? transactions[seen++] : undefined),
        5000,
        () => new Error(`there are only ${seen} transactions`),
      ),
    counts() {
      const { accepted, published, failed } = tally.type(USER.type);
      return { accepted, published, failed, lost: tally.lostTotal };
    },
  };
}

type FakeTransaction = ReturnType<typeof createTransaction>;

function createTransaction(raws: readonly RawBatch[], committing: boolean) {
  const { promise: result, resolve } = Promise.withResolvers<TransactionResult>();
  const names = raws.map(({ body }) => String(body));
  const self = {
    names,
    result,
    cancelled: false,
    cancel: () => !committing && (self.cancelled = true),
    commit: (refused: Record<string, Failure> = {}) =>
      resolve({ outcome: "committed", batches: names.map((name) => refused[name] ?? taken(name)) }),
    abort: (error: Failure) => resolve({ outcome: "aborted", error, batches: names.map(taken) }),
    cancelAll: () => resolve({ outcome: "cancelled", error: DOWN, batches: [] }),
    forget: (error: Failure) => resolve({ outcome: "unknown", error, batches: names.map(taken) }),
  };
  return self;
}

const taken = (name: string): TakenBatch => ({
  receipts: Buffer.from(`receipts of ${name}`),
  batch: {
    size: 2,
    ids: [`${name}-0`, `${name}-1`],
    typeAt: () => USER,
    deliveryAt: (offset) => ({ topic: "events", partition: 0, offset, timestamp: 0 }),
  },
});
