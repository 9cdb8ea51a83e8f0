import { expect, test } from "bun:test";
import { failure } from "../../src/domain/errors.ts";
import { at, BODY, LONG, startPublisher, USER } from "../helpers/publisher.ts";

test("a refused post was never taken, and stands in no book of what was", () => {
  const { publisher, producer, counts, lines } = startPublisher();
  producer.refuseWith = failure("admission-closed", "full", { retryAfter: 1 });
  expect(publisher.one(BODY, USER, LONG)).toEqual({ status: "refused", error: producer.refuseWith });
  expect(publisher.many(BODY, "array", LONG)).toEqual({ status: "refused", error: producer.refuseWith });
  expect(counts()).toMatchObject({ accepted: 0, failed: 0 });
  expect(lines).toEqual([]);
});

test("what only the disk was to have, and did not take, is surely nowhere, and that is the last word on it", async () => {
  const full = failure("spool-unavailable", "the disk is full");
  const disk = { writing: true, required: () => undefined, begin: () => true, keep: async () => full };
  for (const alone of [true, false]) {
    const { publisher, producer } = startPublisher({ ...disk, stored: async () => full });
    producer.wentToDisk = () => alone;
    const told: unknown[] = [];
    const watch = { taken() {}, settled: (outcome: unknown) => void told.push(outcome) };
    const one = await publisher.one(BODY, USER, "no", undefined, watch);
    expect(one).toMatchObject({ status: "failed", error: full, nowhere: alone });
    expect(told).toEqual(alone ? [one] : []);
    producer.batchOf = [USER];
    const many = await publisher.many(BODY, "array", "no", undefined, watch);
    expect(many).toMatchObject([{ status: "failed", error: full, nowhere: alone }]);
    // The core says of a batch that is on disk alone that it is stored, whatever the disk will say.
    producer.settleBatch([alone ? { stored: true } : at(1)]);
    expect(told.at(-1)).toMatchObject([{ status: alone ? "failed" : "delivered" }]);
  }
});

test("what may be on disk all the same is not said to be nowhere, and that is the last word on it as well", async () => {
  const ended = failure("spool-unavailable", "the thread of the spool ended", { unsure: true });
  const disk = { writing: true, required: () => undefined, begin: () => true, keep: async () => ended };
  const { publisher, producer } = startPublisher({ ...disk, stored: async () => ended });
  producer.wentToDisk = () => true;
  const told: unknown[] = [];
  const watch = { taken() {}, settled: (outcome: unknown) => void told.push(outcome) };
  const one = await publisher.one(BODY, USER, "no", undefined, watch);
  expect(one).toMatchObject({ status: "failed", nowhere: false });
  producer.batchOf = [USER];
  const many = await publisher.many(BODY, "array", "no", undefined, watch);
  expect(many).toMatchObject([{ status: "failed", nowhere: false }]);
  expect(told).toEqual([one, many]);
});

test("where memory is full, it is the disk that takes the events, unless it is full as well", () => {
  const full = failure("admission-closed", "full");
  const begin = () => {
    producer.refuseWith = undefined;
    return true;
  };
  const { publisher, producer } = startPublisher({ ...IDLE_DISK, begin });
  producer.batchOf = [USER];
  producer.refuseWith = full;
  expect(publisher.one(BODY, USER, "no")).toEqual({ status: "accepted", id: "id-1" });
  producer.refuseWith = full;
  expect(publisher.many(BODY, "array", "no")).toEqual([{ status: "accepted", id: "b-0" }]);
  const without = startPublisher(IDLE_DISK);
  without.producer.refuseWith = full;
  expect(without.publisher.one(BODY, USER, "no")).toEqual({ status: "refused", error: full });
});

test("what Kafka does not confirm in time is stored, where the disk takes it", async () => {
  for (const error of [undefined, failure("spool-unavailable", "the disk is full")]) {
    const { publisher, producer } = startPublisher({ ...IDLE_DISK, keep: async () => error });
    const late = error === undefined ? "stored" : "failed";
    expect(await publisher.one(BODY, USER, 1)).toMatchObject({ status: late, id: "id-1" });
    expect(producer.promised).toEqual([["id-1"]]);
    producer.batchOf = [USER, USER];
    producer.deliveries = [at(1)];
    expect(await publisher.many(BODY, "array", 1)).toMatchObject([
      { status: "delivered", id: "b-0" },
      { status: late, id: "b-1" },
    ]);
  }
});

test("nothing is promised that has to be stored and cannot be", () => {
  const full = failure("spool-unavailable", "the disk is full");
  const { publisher, counts } = startPublisher({ ...IDLE_DISK, required: () => full });
  expect(publisher.one(BODY, USER, "no")).toEqual({ status: "refused", error: full });
  expect(publisher.many(BODY, "array", "no")).toEqual({ status: "refused", error: full });
  expect(counts()).toMatchObject({ accepted: 0 });
});

const IDLE_DISK = {
  writing: false,
  required: () => undefined,
  begin: () => false,
  stored: async () => undefined,
  keep: async () => undefined,
};
