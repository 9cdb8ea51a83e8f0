import { expect, test } from "bun:test";
import type { AnswerStore, Claim, ClaimedReceipts, StoredAnswer } from "../../src/domain/ports.ts";
import {
  type Attempt,
  createIdempotency,
  type Idempotency,
  type IdempotencyOptions,
  type Last,
} from "../../src/usecase/idempotency.ts";
import type { Answer } from "../../src/usecase/kept-answers.ts";

const WINDOW = 60_000;
/** Longer than any test runs. */
const LONG = 60_000;
const POST = { key: "k", fingerprint: "f", wait: LONG };

const DELIVERED = answerOf(201, "delivered");
const REJECTED = answerOf(502, "rejected");
const UNCONFIRMED = answerOf(504, "unconfirmed");

test("the same post again gets the same answer, and is not sent again", async () => {
  const { post, sent } = start();
  expect(await post(DELIVERED)).toEqual({ answer: DELIVERED, replayed: false });
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  expect(sent()).toBe(1);
});

test("another post with the key is refused, whatever the first one came to", async () => {
  const { idempotency, post, sent } = start();
  const other = () => idempotency.answer({ ...POST, fingerprint: "g" }, never, untold);
  const first = Promise.withResolvers<Attempt>();
  const answered = post(first.promise);
  expect(await other()).toMatchObject({ code: "idempotency-key-reused" });
  const last = Promise.withResolvers<Answer>();
  first.resolve({ answer: UNCONFIRMED, taken: true, later: lastly(last.promise) });
  await answered;
  expect(await other()).toMatchObject({ code: "idempotency-key-reused" });
  last.resolve(DELIVERED);
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED });
  expect(await other()).toMatchObject({ code: "idempotency-key-reused" });
  expect(sent()).toBe(1);
});

test("while the first post is in flight the same one is told to come back", async () => {
  const { post, sent } = start();
  const first = Promise.withResolvers<Attempt>();
  const answered = post(first.promise);
  expect(await post(DELIVERED)).toMatchObject({ code: "idempotency-key-busy", retryAfter: 1 });
  first.resolve({ answer: DELIVERED, taken: true });
  expect(await answered).toEqual({ answer: DELIVERED, replayed: false });
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  expect(sent()).toBe(1);
});

test("where nothing was taken, or the attempt threw, the key is free again", async () => {
  const { post, sent, idempotency } = start();
  const closed = answerOf(503, "closed");
  expect(await post({ answer: closed, taken: false })).toEqual({ answer: closed, replayed: false });
  await expect(post(Promise.reject(new Error("oops")))).rejects.toThrow("oops");
  expect(idempotency.memory()).toEqual({ keys: 0, bytes: 0 });
  expect(await post(DELIVERED)).toEqual({ answer: DELIVERED, replayed: false });
  expect(sent()).toBe(3);
});

test("what was taken and failed is kept: there may be a record of it all the same", async () => {
  const { post, sent } = start();
  await post({ answer: REJECTED, taken: true, later: lastly(Promise.resolve(REJECTED)) });
  expect(await post(DELIVERED)).toMatchObject({ answer: REJECTED, replayed: true });
  expect(sent()).toBe(1);
});

test("while the event is on its way a retry waits for the first one's delivery, and gets its receipt", async () => {
  const { post, sent } = start();
  const last = Promise.withResolvers<Answer>();
  const open = { answer: UNCONFIRMED, taken: true, later: lastly(last.promise) };
  expect(await post(open)).toEqual({ answer: UNCONFIRMED, replayed: false });
  const retries = [post(REJECTED), post(REJECTED)];
  last.resolve(DELIVERED);
  for (const retry of retries) expect(await retry).toMatchObject({ answer: DELIVERED, replayed: true });
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  expect(sent()).toBe(1);
});

test("a retry waits no longer than it wants to, then gets the answer that there is", async () => {
  const { idempotency, post } = start();
  const last = Promise.withResolvers<Answer>();
  await post({ answer: UNCONFIRMED, taken: true, later: lastly(last.promise) });
  for (const wait of [0, 1, "no"] as const)
    expect(await idempotency.answer({ ...POST, wait }, never, untold)).toEqual({
      answer: UNCONFIRMED,
      replayed: true,
    });
  last.resolve(DELIVERED);
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED });
});

test("an event on its way keeps its key, however long that takes and however many come after", async () => {
  const { idempotency, post, pass, fill } = start({ maxBytes: 5000 });
  await post({ answer: UNCONFIRMED, taken: true, later: Promise.withResolvers<Last>().promise });
  pass(10 * WINDOW);
  await fill(20);
  expect(await idempotency.answer({ ...POST, wait: 0 }, never, untold)).toMatchObject({
    answer: UNCONFIRMED,
  });
});

test("where the last answer cannot be had the first one stays", async () => {
  const { post } = start();
  await post({ answer: UNCONFIRMED, taken: true, later: Promise.reject(new Error("oops")) });
  await Promise.resolve();
  expect(await post(REJECTED)).toMatchObject({ answer: UNCONFIRMED, replayed: true });
});

test("after the window the key is new", async () => {
  const { post, pass, sent } = start();
  await post(DELIVERED);
  pass(WINDOW - 1);
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED });
  pass(1);
  expect(await post(REJECTED)).toEqual({ answer: REJECTED, replayed: false });
  expect(sent()).toBe(2);
});

test("memory is bounded: the oldest go first, and what is over goes with the next", async () => {
  const { idempotency, post, pass, fill, sent } = start({ maxBytes: 100_000 });
  await post(DELIVERED);
  await fill(1000);
  const { keys, bytes } = idempotency.memory();
  expect(bytes).toBeLessThanOrEqual(100_000);
  expect(keys).toBeGreaterThan(50);
  expect(await post(REJECTED)).toMatchObject({ replayed: false });
  expect(sent()).toBe(1002);
  pass(WINDOW);
  await fill(1);
  expect(idempotency.memory().keys).toBe(1);
});

test("an answer larger than all of the memory is not kept, and leaves nothing behind", async () => {
  const { idempotency, post } = start({ maxBytes: 10_000 });
  await post(answerOf(200, "x".repeat(20_000)));
  expect(idempotency.memory()).toEqual({ keys: 0, bytes: 0 });
});

test("a key survives a restart where there is a store", async () => {
  const store = memoryStore();
  const before = start({ store });
  await before.post(DELIVERED);
  const after = start({ store });
  expect(await after.post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  const other = await after.idempotency.answer({ ...POST, fingerprint: "g" }, never, untold);
  expect(other).toMatchObject({ code: "idempotency-key-reused" });
  expect(after.sent()).toBe(0);
});

test("what the store has for longer than the window is forgotten", async () => {
  const store = memoryStore();
  await start({ store }).post(DELIVERED);
  const after = start({ store });
  after.pass(WINDOW);
  expect(await after.post(REJECTED)).toMatchObject({ answer: REJECTED, replayed: false });
  expect(store.answers.get("k")).toMatchObject(REJECTED);
});

test("the store gets an open answer's end, and nothing of what was not taken", async () => {
  const store = memoryStore();
  const { post } = start({ store });
  await post({ answer: UNCONFIRMED, taken: false });
  const last = Promise.withResolvers<Answer>();
  await post({ answer: UNCONFIRMED, taken: true, later: lastly(last.promise) });
  expect(store.answers.size).toBe(0);
  const retry = post(REJECTED);
  last.resolve(DELIVERED);
  await retry;
  expect(store.answers.get("k")).toMatchObject({ ...DELIVERED, fingerprint: "f" });
});

test("a post that ends where it is surely nowhere, and may be tried again, frees its key", async () => {
  const store = memoryStore();
  const { post, sent, idempotency } = start({ store });
  const last = Promise.withResolvers<Last>();
  await post({ answer: UNCONFIRMED, taken: true, later: last.promise });
  store.write();
  const retry = post(REJECTED);
  last.resolve({ answer: REJECTED, taken: false });
  expect(await retry).toMatchObject({ answer: REJECTED, replayed: true });
  expect(idempotency.memory()).toEqual({ keys: 0, bytes: 0 });
  expect([store.claims.size, store.answers.size]).toEqual([0, 0]);
  expect(await post(DELIVERED)).toEqual({ answer: DELIVERED, replayed: false });
  expect(sent()).toBe(2);
});

test("the store has a claim from the moment in which the event is taken until there is a last answer", async () => {
  const store = memoryStore();
  const { post } = start({ store });
  const first = Promise.withResolvers<Attempt>();
  const answered = post(first.promise);
  await Bun.sleep(1);
  expect(store.claims.get("k")).toMatchObject({ fingerprint: "f", ids: ["event-1"] });
  const last = Promise.withResolvers<Answer>();
  first.resolve({ answer: UNCONFIRMED, taken: true, later: lastly(last.promise) });
  await answered;
  expect(store.claims.size).toBe(1);
  last.resolve(DELIVERED);
  await Bun.sleep(1);
  expect([store.claims.size, store.answers.size]).toEqual([0, 1]);
  await post(Promise.reject(new Error("oops")), "thrown").catch(() => {});
  await post({ answer: REJECTED, taken: false }, "refused");
  expect(store.claims.size).toBe(0);
});

test("an answer that a crash would make untrue is written only when it no longer would", async () => {
  const store = memoryStore();
  const { post } = start({ store });
  const safe = Promise.withResolvers<void>();
  await post({ answer: DELIVERED, taken: true, safe: safe.promise });
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  expect([store.claims.size, store.answers.size]).toEqual([1, 0]);
  safe.resolve();
  await Bun.sleep(1);
  expect([store.claims.size, store.answers.size]).toEqual([0, 1]);
});

test("with a store no answer goes for others before its event is settled", async () => {
  const store = memoryStore();
  const { idempotency, post, fill, pass, sent } = start({ store, maxBytes: 5000 });
  const safe = Promise.withResolvers<void>();
  await post({ answer: DELIVERED, taken: true, safe: safe.promise });
  await fill(20);
  pass(WINDOW);
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  const other = await idempotency.answer({ ...POST, fingerprint: "g" }, never, untold);
  expect(other).toMatchObject({ code: "idempotency-key-reused" });
  safe.resolve();
  await Bun.sleep(1);
  expect(await post(REJECTED)).toMatchObject({ answer: DELIVERED, replayed: true });
  expect(store.answers.get("k")).toMatchObject(DELIVERED);
  expect(sent()).toBe(21);
});

test("keys on their way that fill their memory go to disk with their events; where it takes none a new key is refused", async () => {
  let takes = true;
  const spills: number[] = [];
  const store = memoryStore();
  const spill = () => {
    spills.push(sent());
    return takes;
  };
  const { post, sent } = start({ store, spill, maxBytes: 20_000 });
  const settled = Promise.withResolvers<void>();
  const open = { answer: DELIVERED, taken: true, safe: settled.promise };
  while (spills.length === 0 && sent() < 20) await post(open, `key-${sent()}`);
  expect(sent()).toBeWithin(4, 10);
  const before = sent();
  expect(await post(DELIVERED)).toMatchObject({ replayed: false });
  takes = false;
  expect(await post(DELIVERED, "key-0")).toMatchObject({ replayed: true });
  expect(await post(DELIVERED, "new")).toMatchObject({ code: "spool-unavailable", retryAfter: 1 });
  expect([sent(), store.claims.has("new")]).toEqual([before + 1, false]);
  settled.resolve();
  await Bun.sleep(1);
  expect(await post(DELIVERED, "new")).toMatchObject({ replayed: false });
});

test("the ids that a key waits with count as well", async () => {
  const { idempotency, post } = start({ store: memoryStore() });
  const bytes = async (ids: string[], key: string) => {
    const before = idempotency.memory().bytes;
    const { promise, resolve } = Promise.withResolvers<Attempt>();
    const answered = post(promise, key, ids);
    await Bun.sleep(1);
    const held = idempotency.memory().bytes - before;
    resolve({ answer: DELIVERED, taken: true });
    await answered;
    return held;
  };
  const [one, many] = [await bytes(["a"], "1"), await bytes(Array(1001).fill("a"), "2")];
  expect(many - one).toBeGreaterThan(100_000);
});

test("a post that an earlier process took is told what is known of it, and kept once that is the last word", async () => {
  const store = memoryStore();
  const { post, sent, idempotency } = start({ store });
  const claim = { fingerprint: "f", at: 1_704_110_399_000 };
  store.answers.set("k", { ...claim, receipts: [{ status: "stored", id: "a" }] });
  const other = await idempotency.answer({ ...POST, fingerprint: "g" }, never, untold);
  expect(other).toMatchObject({ code: "idempotency-key-reused" });
  expect(await post(REJECTED)).toEqual({ answer: answerOf(299, "stored"), replayed: true });
  const delivered = { topic: "events", partition: 0, offset: 1, timestamp: 1 };
  store.answers.set("k", { ...claim, receipts: [{ status: "delivered", id: "a", ...delivered }] });
  expect(await post(REJECTED)).toEqual({ answer: answerOf(299, "delivered"), replayed: true });
  expect(store.answers.get("k")).toMatchObject({ status: 299 });
  expect(sent()).toBe(0);
});

test("the store is asked only for what memory cannot know", async () => {
  const store = memoryStore();
  const { post, pass, fill } = start({ store, maxBytes: 5000 });
  await post(DELIVERED);
  await post(REJECTED);
  expect(store.asked).toEqual(["k"]);
  pass(WINDOW);
  await fill(1);
  expect(store.asked).toEqual(["k"]);
  await fill(20);
  expect(await post(REJECTED)).toMatchObject({ replayed: false });
  expect(store.asked).toContain("k");
  expect(store.asked.length).toBeGreaterThan(1);
});

test("while a slow store is asked the key is in flight", async () => {
  const store = memoryStore();
  const found = Promise.withResolvers<StoredAnswer | undefined>();
  const { post, sent } = start({ store: { ...store, find: () => found.promise } });
  const first = post(DELIVERED);
  expect(await post(DELIVERED)).toMatchObject({ code: "idempotency-key-busy" });
  found.resolve(undefined);
  expect(await first).toEqual({ answer: DELIVERED, replayed: false });
  expect(sent()).toBe(1);
});

test("a store that fails, or does not answer, takes nothing and leaves the key free", async () => {
  const store = memoryStore();
  const { post, sent } = start({
    store: {
      ...store,
      find: async () => {
        if (store.asked.push("") === 1) throw new Error("disk I/O error");
        return store.asked.length === 2 ? Promise.withResolvers<undefined>().promise : undefined;
      },
    },
  });
  const failed = await post(DELIVERED);
  expect(failed).toMatchObject({ code: "idempotency-unavailable", retryAfter: 1 });
  expect(failed).toMatchObject({ detail: expect.stringContaining("disk I/O error") });
  expect(await post(DELIVERED)).toMatchObject({
    code: "idempotency-unavailable",
    detail: expect.stringContaining("no answer within 1000 ms"),
  });
  expect(sent()).toBe(0);
  expect(await post(DELIVERED)).toEqual({ answer: DELIVERED, replayed: false });
});

function answerOf(status: number, text: string): Answer {
  return { status, headers: { "content-type": "application/json" }, body: Buffer.from(text) };
}

/** The last word on what was taken. */
const lastly = async (answer: Promise<Answer>): Promise<Last> => ({ answer: await answer, taken: true });

const untold = async (): Promise<undefined> => undefined;
const never = (): Promise<Attempt> => Promise.reject(new Error("sent again"));

function start(options: Partial<IdempotencyOptions> = {}) {
  let now = 1_704_110_400_000;
  let sent = 0;
  const idempotency: Idempotency = createIdempotency({
    window: WINDOW,
    maxBytes: 1_000_000,
    now: () => now,
    ...options,
  });
  /** Posts; a plain answer stands for an attempt that took the event and ended with it. */
  const post = (outcome: Answer | Attempt | Promise<Attempt>, key = "k", ids?: string[]) =>
    idempotency.answer(
      { ...POST, key },
      async (taken) => {
        sent++;
        taken(ids ?? [`event-${sent}`]);
        const settled = await outcome;
        return "answer" in settled ? settled : { answer: settled, taken: true };
      },
      async (receipts) => answerOf(299, receipts.map(({ status }) => status).join()),
    );
  return {
    idempotency,
    post,
    sent: () => sent,
    pass: (ms: number) => void (now += ms),
    fill: async (count: number) => {
      for (let i = 0; i < count; i++) await post(DELIVERED, `filler-${i}`);
    },
  };
}

function memoryStore() {
  const answers = new Map<string, StoredAnswer | ClaimedReceipts>();
  const claims = new Map<string, Claim>();
  const asked: string[] = [];
  return {
    answers,
    asked,
    async find(key: string) {
      asked.push(key);
      return answers.get(key);
    },
    put(key: string, answer: StoredAnswer) {
      answers.set(key, answer);
      claims.delete(key);
    },
    claims,
    claim: (key: string, claim: Claim) => void claims.set(key, claim),
    /** As the commit of the events does. */
    write() {
      for (const [key, { ids, ...claim }] of claims)
        answers.set(key, { ...claim, receipts: ids.map((id) => ({ status: "stored", id })) });
    },
    release(key: string) {
      claims.delete(key);
      answers.delete(key);
    },
  } satisfies AnswerStore & Record<string, unknown>;
}
