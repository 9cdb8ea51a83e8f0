import { expect, test } from "bun:test";
import { createTally } from "../../src/usecase/tally.ts";

const IDLE = { queuedRecords: 0, retries: 0 };

test("a tally starts at zero for every event type", () => {
  const zero = { published: 0, failed: 0, rejected: 0, avg_publish_time_ms: 0 };
  expect(createTally(["user_created", "order_created"], () => 0).stats(IDLE)).toEqual({
    ...zero,
    retries: 0,
    pending: 0,
    spooled: 0,
    error_rate: 0,
    by_type: { user_created: zero, order_created: zero },
  });
});

test("statistics hold totals, figures by type and what the producer says", () => {
  const tally = createTally(["user_created", "order_created"], () => 5000);
  const user = tally.type("user_created");
  const order = tally.type("order_created");
  tally.published(user, 1000, 1002);
  tally.published(order, 1000, 1004);
  tally.failed(order, "delivery-timeout", 2000);
  tally.rejected("invalid-event", user);
  tally.rejected("unknown-event");
  expect(tally.stats({ queuedRecords: 7, retries: 3 })).toEqual({
    published: 2,
    failed: 1,
    retries: 3,
    rejected: 2,
    pending: 7,
    spooled: 0,
    avg_publish_time_ms: 3,
    error_rate: 1 / 3,
    by_type: {
      user_created: { published: 1, failed: 0, rejected: 1, avg_publish_time_ms: 2 },
      order_created: { published: 1, failed: 1, rejected: 0, avg_publish_time_ms: 4 },
    },
  });
});

test("a batch counted in one call equals its events counted one by one", () => {
  const [batch, singles] = [createTally(["user_created"], () => 0), createTally(["user_created"], () => 0)];
  const user = batch.type("user_created");
  batch.accepted(user, 4);
  batch.published(user, 0, 2, 3);
  batch.failed(user, "kafka-rejected", 2, 4);
  batch.rejected("draining", user, 5);
  times(4, () => singles.accepted(singles.type("user_created")));
  times(3, () => singles.published(singles.type("user_created"), 0, 2));
  times(4, () => singles.failed(singles.type("user_created"), "kafka-rejected", 2));
  times(5, () => singles.rejected("draining", singles.type("user_created")));
  expect(batch.types).toEqual(singles.types);
  expect(batch.rejectedBy).toEqual(singles.rejectedBy);
  expect(batch.stats(IDLE)).toEqual(singles.stats(IDLE));
});

test("failures and rejections are told apart by their code", () => {
  const tally = createTally(["user_created"]);
  const user = tally.type("user_created");
  tally.failed(user, "delivery-timeout", 0, 2);
  tally.rejected("admission-closed", user, 3);
  expect(user.failedBy).toMatchObject({ "delivery-timeout": 2, "kafka-rejected": 0, "admission-closed": 0 });
  expect(tally.rejectedBy).toMatchObject({ "admission-closed": 3, "delivery-timeout": 0 });
});

test("a publish duration falls into the bucket whose bound it does not exceed", () => {
  const tally = createTally(["user_created"]);
  const user = tally.type("user_created");
  for (const ms of [0.1, 0.25, 0.3, 15_000, 15_001]) tally.published(user, 0, ms);
  const { counts, bounds } = user.publishSeconds;
  expect([...counts]).toEqual([2, 1, ...bounds.slice(3).map(() => 0), 1, 1]);
});

test("the error rate looks back one minute", () => {
  let now = 0;
  const tally = createTally(["user_created"], () => now);
  const user = tally.type("user_created");
  tally.failed(user, "kafka-unavailable", 500);
  tally.published(user, 1000, 1500, 3);
  now = 59_999;
  expect(tally.recent()).toEqual({ published: 3, failed: 1, errorRate: 0.25 });
  now = 60_000;
  expect(tally.recent()).toEqual({ published: 3, failed: 0, errorRate: 0 });
  now = 61_000;
  expect(tally.recent()).toEqual({ published: 0, failed: 0, errorRate: 0 });
});

test("a second that comes round again starts empty", () => {
  const tally = createTally(["user_created"], () => 60_400);
  const user = tally.type("user_created");
  tally.failed(user, "kafka-unavailable", 400, 9);
  tally.published(user, 60_000, 60_400);
  expect(tally.recent()).toEqual({ published: 1, failed: 0, errorRate: 0 });
});

test("lost events add up", () => {
  const tally = createTally([]);
  tally.lost(2);
  tally.lost(3);
  expect(tally.lostTotal).toBe(5);
});

test("an event type that is not counted is an error at start, not under load", () => {
  expect(() => createTally(["user_created"]).type("user_deleted")).toThrow(RangeError);
});

function times(count: number, run: () => void): void {
  for (let turn = 0; turn < count; turn++) run();
}
