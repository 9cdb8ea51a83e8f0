import { expect, test } from "bun:test";

import { createClaims, type EventClaim } from "../../src/usecase/claims.ts";

test("a claim goes with any of its events, also where the first is settled already", () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 2, 3));
  claims.add(claim("b", 4));
  expect(keysOf(claims.of([chunk(2, 3), chunk(9)]))).toEqual(["a"]);
  expect(claims.of([chunk(9)])).toEqual([]);
});

test("a claim is there until it is written", () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 2));
  const taken = claims.of([chunk(1)]);
  expect(keysOf(claims.of([chunk(2)]))).toEqual(["a"]);
  claims.written(taken);
  expect(claims.of([chunk(1, 2)])).toEqual([]);
});

test("a claim that has ended goes nowhere, and takes none of another post's with it", () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 2));
  claims.add(claim("b", 2));
  claims.end("a");
  expect(claims.of([chunk(1)])).toEqual([]);
  expect(keysOf(claims.of([chunk(2)]))).toEqual(["b"]);
});

test("a key that is claimed anew while its old claim is written is still to be written", () => {
  const claims = createClaims();
  claims.add(claim("a", 1));
  const taken = claims.of([chunk(1)]);
  claims.end("a");
  claims.add(claim("a", 2));
  claims.written(taken);
  expect(keysOf(claims.of([chunk(2)]))).toEqual(["a"]);
});

test("events of one id may have many keys, and one key an id many times", () => {
  const claims = createClaims();
  claims.add(claim("a", 1, 1));
  claims.add(claim("b", 1));
  expect(keysOf(claims.of([chunk(1)]))).toEqual(["a", "b"]);
});

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

const keysOf = (claims: readonly { key: string }[]): string[] => claims.map(({ key }) => key);
