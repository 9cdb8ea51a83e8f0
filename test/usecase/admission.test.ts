import { expect, test } from "bun:test";
import { QUEUE } from "../../src/domain/ports.ts";
import { type BodyShape, createAdmission } from "../../src/usecase/admission.ts";

const MIB = 1024 ** 2;
/** What each request takes beside its body. */
const REQUEST = 5 * 1024;

/** An admission of 1 MiB, and the queue beside it as the core would keep it. */
function start({ limit = MIB, maxRecords = 10_000 } = {}) {
  const queue = new Float64Array(4);
  const state = { ms: 0, kafkaDown: false };
  const admission = createAdmission({
    limit,
    maxRecords,
    queue,
    kafkaDown: () => state.kafkaDown,
    now: () => state.ms,
  });
  return {
    admission,
    state,
    setQueue(records: number, bytes: number): void {
      queue[QUEUE.left]! += Math.max(0, queue[QUEUE.bytes]! - bytes);
      queue[QUEUE.records] = records;
      queue[QUEUE.bytes] = bytes;
    },
    enter(bytes: number, shape: BodyShape = "event") {
      const entry = admission.enter(shape);
      return { entry, refusal: admission.hold(entry, bytes) };
    },
    requestBytes: () => queue[QUEUE.requests],
  };
}

test("a request holds nothing before its body comes, and nothing when it is answered", () => {
  const { admission, enter, requestBytes } = start();
  const idle = admission.enter("event");
  expect(requestBytes()).toBe(0);
  admission.leave(idle);
  const { entry } = enter(1000);
  expect(requestBytes()).toBeGreaterThan(1000);
  admission.leave(entry);
  expect(requestBytes()).toBe(0);
});

test.each([
  ["event" as const, 3],
  ["batch" as const, 8],
])("the body of a %s is held %p times, and not while its events wait for Kafka", (shape, times) => {
  const { admission, enter, requestBytes } = start();
  const { entry } = enter(1000, shape);
  expect(requestBytes()).toBe(REQUEST + 1000 * times);
  admission.taken(entry);
  expect(requestBytes()).toBe(REQUEST);
  admission.leave(entry);
  expect(requestBytes()).toBe(0);
});

test("a chunked body is held as it grows, and refused where there is no room for the next part", () => {
  const { admission, requestBytes } = start({ limit: REQUEST + 9000 });
  const [entry, other] = [admission.enter("event"), admission.enter("event")];
  const codes = [0, 1000, 1000].map((bytes) => admission.hold(entry, bytes)?.code);
  expect(codes).toEqual([undefined, undefined, undefined]);
  expect(admission.hold(other, 0)?.code).toBe("admission-closed");
  expect(admission.hold(entry, 1000)?.code).toBeUndefined();
  expect(admission.hold(entry, 1)?.code).toBe("body-too-large");
  admission.leave(other);
  admission.leave(entry);
  expect(requestBytes()).toBe(0);
});

test("a body that the empty budget could not hold is too large, and no retry is advised", () => {
  const { enter } = start();
  expect(enter(MIB / 2).refusal).toEqual({
    code: "body-too-large",
    detail:
      "the body needs 1.6 MiB of memory, and all events together may have 1 MiB; post it in parts, " +
      "or raise the container's memory limit or ADMISSION_MAX_BYTES",
  });
});

test("a batch that was refused with all of the budget to itself is too large", () => {
  const { admission, enter, setQueue } = start();
  const { entry } = enter(1000, "batch");
  admission.taken(entry);
  expect(admission.refusal(entry).code).toBe("body-too-large");
  setQueue(1, 1000);
  expect(admission.refusal(entry).code).toBe("admission-closed");
});

test("the queue and the requests count together, up to the last byte", () => {
  const { enter, setQueue, requestBytes } = start();
  setQueue(100, MIB - 2 * REQUEST);
  expect(enter(0).refusal).toBeUndefined();
  expect(enter(1).refusal?.code).toBe("admission-closed");
  expect(enter(0).refusal).toBeUndefined();
  expect(enter(0).refusal?.code).toBe("admission-closed");
  expect(requestBytes()).toBe(2 * REQUEST);
});

test("with Kafka down the answer is a fixed one, and says what is full and why", () => {
  const { enter, setQueue, state } = start();
  state.kafkaDown = true;
  setQueue(900, MIB);
  expect(enter(0).refusal).toEqual({
    code: "admission-closed",
    retryAfter: 10,
    detail:
      "no room for 0.1 MiB more: of 1 MiB, events on their way to Kafka hold 1 MiB (900 of at most 10000) and " +
      "requests under way and their keys 0 MiB; no Kafka broker is up; post again in 10 s, " +
      "or raise the container's memory limit or ADMISSION_MAX_BYTES",
  });
});

test.each([
  [MIB, 1],
  [REQUEST / 7, 7],
  [1, 60],
])("with %p bytes a second leaving, a request for 5 KiB has to wait %p s", (bytes, seconds) => {
  const { enter, setQueue, state } = start();
  setQueue(900, MIB + bytes);
  setQueue(900, MIB);
  state.ms = 1000;
  const { refusal } = enter(0);
  expect(refusal?.retryAfter).toBe(seconds);
  expect(refusal?.detail).toContain("a second are freed");
});

test("where nothing has left lately nobody knows, and the answer is a fixed one", () => {
  const { enter, setQueue, state } = start();
  setQueue(900, MIB);
  state.ms = 1000;
  const { refusal } = enter(0);
  expect(refusal?.retryAfter).toBe(10);
  expect(refusal?.detail).toContain("nothing was freed in the last 10 s");
});

test("where requests fill the budget it is their end that counts, whether Kafka is there or not", () => {
  const { admission, enter, state } = start();
  state.kafkaDown = true;
  admission.leave(enter(100_000).entry);
  enter(300_000);
  state.ms = 1000;
  const { refusal } = enter(100_000);
  expect(refusal?.retryAfter).toBe(1);
  expect(refusal?.detail).toContain("0.3 MiB a second are freed");
});

test("keys count as held; where events can go to disk nothing is refused for them", () => {
  for (const spills of [false, true]) {
    const queue = new Float64Array(4);
    let keys = 0;
    const options = { limit: MIB, maxRecords: 100, queue, kafkaDown: () => true };
    const admission = createAdmission({ ...options, keys: () => keys, spills: () => spills });
    admission.sample();
    expect(admission.hold(admission.enter("event"), 0)).toBeUndefined();
    keys = MIB;
    admission.sample();
    expect(queue[QUEUE.requests]).toBe(MIB + REQUEST);
    expect(admission.isOpen()).toBe(spills);
    expect(admission.hold(admission.enter("event"), 0)?.code === "admission-closed").toBe(!spills);
  }
});

test("it closes when nearly full, and opens only when a fifth is free again", () => {
  const { admission, setQueue } = start();
  const openAt = (fill: number): boolean => {
    setQueue(1, fill * MIB);
    return admission.isOpen();
  };
  expect([0, 0.94, 0.96, 0.9, 0.81, 0.79, 0.94].map(openAt)).toEqual([
    true,
    true,
    false,
    false,
    false,
    true,
    true,
  ]);
});

test("so many events as are allowed close it as well", () => {
  const { admission, setQueue } = start({ maxRecords: 10 });
  setQueue(9, 100);
  expect(admission.isOpen()).toBeTrue();
  setQueue(10, 100);
  expect(admission.isOpen()).toBeFalse();
});

test("the time to full is that of the room left at the present intake", () => {
  const { admission, setQueue, state } = start();
  expect(admission.status()).toEqual({
    open: true,
    queuedRecords: 0,
    queuedBytes: 0,
    requestBytes: 0,
    limitBytes: MIB,
    secondsToFull: Infinity,
  });
  setQueue(10, MIB / 4);
  state.ms = 1000;
  expect(admission.status().secondsToFull).toBe(3);
  // Kafka takes all that came in, and as much comes in again.
  setQueue(0, 0);
  setQueue(10, MIB / 4);
  state.ms = 2000;
  expect(admission.status().secondsToFull).toBe(3);
  setQueue(1, MIB);
  expect(admission.status()).toMatchObject({ open: false, secondsToFull: 0 });
});
