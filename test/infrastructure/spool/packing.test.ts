import { expect, test } from "bun:test";
import { pack, unpack } from "../../../src/infrastructure/spool/packing.ts";
import { noise } from "./support.ts";

const alike = (size: number): Uint8Array => Buffer.from("one record like the next ".repeat(size / 25));

test("records that are alike take a fraction of their room, and come back as they were", () => {
  const records = alike(100_000);
  const packed = pack(records);
  expect(packed.length).toBeLessThan(records.length / 10);
  expect(Buffer.compare(unpack(packed)!, records)).toBe(0);
});

test.each([0, 1, 3, 4, 1000, 16_383, 16_384, 1_000_000])(
  "%d bytes of noise take no more room than they have",
  (size) => {
    const records = noise(7, size);
    const packed = pack(records);
    expect(packed.length).toBeLessThanOrEqual(size);
    expect(Buffer.compare(unpack(packed)!, records)).toBe(0);
  },
);

test("a small chunk stays as it is, which costs less than to compress it", () => {
  const records = alike(1000);
  expect(pack(records)).toBe(records);
});

test("of a part of a larger buffer that part is packed and unpacked", () => {
  const records = alike(50_000);
  const within = Buffer.concat([noise(1, 3), pack(records), noise(2, 9)]);
  expect(Buffer.compare(unpack(within.subarray(3, -9))!, records)).toBe(0);
});

test("what is packed and damaged is not taken for records", () => {
  const packed = pack(alike(50_000)).slice();
  expect(unpack(packed.subarray(0, -5))).toBeUndefined();
});
