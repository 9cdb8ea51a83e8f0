import { expect, test } from "bun:test";
import { failure } from "../../src/domain/errors.ts";
import type { ReceiptSource } from "../../src/domain/ports.ts";
import type { Receipt } from "../../src/domain/receipt.ts";
import { createReceiptLookup } from "../../src/usecase/receipts.ts";

const DELIVERED: Receipt = {
  status: "delivered",
  id: "a",
  topic: "events",
  partition: 2,
  offset: 7,
  timestamp: 1_704_110_400_000,
};
const STORED: Receipt = { status: "stored", id: "a" };
const ACCEPTED: Receipt = { status: "accepted", id: "a" };
const FAILED: Receipt = { status: "failed", id: "a", error: failure("kafka-rejected", "no") };

test.each([DELIVERED, STORED, ACCEPTED, FAILED])(
  "what one source knows is the answer: %j",
  async (receipt) => {
    for (const find of [() => receipt, async () => receipt]) {
      expect(await createReceiptLookup([source(find), source()])("a")).toEqual(receipt);
      expect(await createReceiptLookup([source(), source(find)])("a")).toEqual(receipt);
    }
  },
);

test.each([
  [DELIVERED, ACCEPTED, DELIVERED],
  [ACCEPTED, DELIVERED, DELIVERED],
  [ACCEPTED, FAILED, FAILED],
  [FAILED, STORED, FAILED],
  [ACCEPTED, STORED, STORED],
  [STORED, ACCEPTED, STORED],
])("of %j and %j the answer is %j", async (first, second, answer) => {
  expect(await createReceiptLookup([source(() => first), source(() => second)])("a")).toEqual(answer);
});

test("no source is asked once the end is known", async () => {
  const asked: string[] = [];
  const noting = source((id) => void asked.push(id));
  await createReceiptLookup([source(() => DELIVERED), noting])("a");
  expect(asked).toEqual([]);
  await createReceiptLookup([source(() => ACCEPTED), noting])("a");
  expect(asked).toEqual(["a"]);
});

test("what no source knows is a failure that says how far back they know", async () => {
  const lookup = createReceiptLookup([
    source(undefined, "the last 5 events"),
    source(undefined, "those on disk"),
  ]);
  expect(await lookup('say "a"\n')).toEqual(
    failure(
      "unknown-receipt",
      'nothing is known of an event with the id "say \\"a\\"\\n"; known are: the last 5 events, and those on disk',
    ),
  );
  expect(await createReceiptLookup([])("a")).toMatchObject({
    detail: expect.stringMatching(/known are: none$/),
  });
});

test("a source that cannot be read, or does not answer, is no proof that nothing is known", async () => {
  const broken = source(() => Promise.reject(new Error("disk I/O error")));
  const throwing = source(() => {
    throw new Error("closed");
  });
  const silent = source(() => Promise.withResolvers<undefined>().promise);
  expect(await createReceiptLookup([source(), broken])("a")).toMatchObject({
    code: "receipts-unavailable",
    detail: expect.stringContaining("disk I/O error"),
    retryAfter: 1,
  });
  expect(await createReceiptLookup([throwing])("a")).toMatchObject({ code: "receipts-unavailable" });
  expect(await createReceiptLookup([silent])("a")).toMatchObject({
    detail: expect.stringContaining("no answer within 1000 ms"),
  });
  expect(await createReceiptLookup([source(() => ACCEPTED), broken])("a")).toEqual(ACCEPTED);
});

function source(
  find: (id: string) => ReturnType<ReceiptSource["find"]> | void = () => {},
  reach = "some",
): ReceiptSource {
  return { find: (id) => find(id) ?? undefined, reach: () => reach };
}
