import { expect, test } from "bun:test";

import { type Claims, createClaims, type EventClaim } from "../../src/usecase/claims.ts";

test("a claim goes with any of its events, also where the first is settled already", async () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 2, 3));
  claims.add(claim("b", 4));
  expect(await writtenWith(claims, [2, 3], [9])).toEqual(["a"]);
  expect(await writtenWith(claims, [9])).toEqual([]);
});

test("a claim is written once, and again where that failed", async () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 2));
  await expect(claims.writtenWith([chunk(1)], () => Promise.reject(new Error("full")))).rejects.toThrow(
    "full",
  );
  expect(await writtenWith(claims, [2])).toEqual(["a"]);
  expect(await writtenWith(claims, [1, 2])).toEqual([]);
});

test("a claim that has ended goes nowhere, and takes none of another post's with it", async () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 2));
  claims.add(claim("b", 2));
  claims.end("a");
  expect(await writtenWith(claims, [1])).toEqual([]);
  expect(await writtenWith(claims, [2])).toEqual(["b"]);
});

test("a key that is claimed anew while its old claim is written is still to be written", async () => {
  const claims = createClaims();
  claims.add(claim("a", 1));
  await claims.writtenWith([chunk(1)], async () => {
    claims.end("a");
    claims.add(claim("a", 2));
  });
  expect(await writtenWith(claims, [2])).toEqual(["a"]);
});

test("events of one id may have many keys, and one key an id many times", async () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 1));
  claims.add(claim("b", 1));
  expect(await writtenWith(claims, [1])).toEqual(["a", "b"]);
});

test("the end of a claim says whether the disk may have it", async () => {
  const claims = createClaims();
  claims.add(claim("a", 1));
  claims.add(claim("b", 2));
  claims.add(claim("c", 3));
  await claims.writtenWith([chunk(1)], async () => expect(claims.end("a")).toBeTrue());
  await writtenWith(claims, [2]);
  await claims.writtenWith([chunk(3)], () => Promise.reject(new Error("full"))).catch(() => {});
  expect(["a", "b", "b", "c", "d"].map((key) => claims.end(key))).toEqual([false, true, false, false, false]);
});

/** The keys that go with these chunks. */
async function writtenWith(claims: Claims, ...chunks: number[][]): Promise<string[]> {
  let keys: string[] = [];
  await claims.writtenWith(
    chunks.map((events) => chunk(...events)),
    async (written) => void (keys = written.map(({ key }) => key)),
  );
  return keys;
}

/** The id hashes of events lie anywhere in a larger buffer. */
const ids = (...events: number[]): Uint8Array => {
  const hashes = new Uint8Array(BigUint64Array.from(events, BigInt).buffer);
  return Buffer.concat([Buffer.from("x"), hashes]).subarray(1);
};

const chunk = (...events: number[]) => ({ ids: ids(...events) });

const claim = (key: string, ...events: number[]): EventClaim => ({
  key,
  answer: Buffer.from(key),
  at: 0,
  events: ids(...events),
});
