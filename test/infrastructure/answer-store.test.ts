import { expect, test } from "bun:test";
import type { ClaimedReceipts, StoredAnswer } from "../../src/domain/ports.ts";
import {
  type ByteStore,
  createAnswerStore,
  decodeAnswer,
  encodeAnswer,
} from "../../src/infrastructure/answer-store.ts";

const ANSWER: StoredAnswer = {
  fingerprint: "1a2b single /api/v1/events/user",
  at: 1_704_110_400_000.25,
  status: 201,
  headers: { "content-type": "application/json", "preference-applied": "wait=5" },
  body: Buffer.from('{"id":"мой"}'),
};

test("an answer comes back from its bytes as it was, wherever they lie", () => {
  const encoded = encodeAnswer(ANSWER);
  expect(plain(decodeAnswer(encoded))).toEqual(plain(ANSWER));
  const within = Buffer.concat([Buffer.from("before"), encoded, Buffer.from("after")]);
  expect(plain(decodeAnswer(within.subarray(6, 6 + encoded.byteLength)))).toEqual(plain(ANSWER));
  const empty = { ...ANSWER, body: new Uint8Array() };
  expect(plain(decodeAnswer(encodeAnswer(empty)))).toEqual(plain(empty));
});

test("bytes that are cut anywhere, or too many, or of another version, are no answer", () => {
  const encoded = encodeAnswer(ANSWER);
  for (let length = 0; length < encoded.byteLength; length++)
    expect(decodeAnswer(encoded.subarray(0, length))).toBeUndefined();
  expect(decodeAnswer(Buffer.concat([encoded, Buffer.from(" ")]))).toBeUndefined();
  const newer = Uint8Array.from(encoded);
  newer[0] = 2;
  expect(decodeAnswer(newer)).toBeUndefined();
});

test("a store keeps answers as bytes, and finds those that it has", async () => {
  const rows = new Map<string, Uint8Array>();
  const store = createAnswerStore({
    ...NO_BYTES,
    findAnswer: async (key) => rows.get(key),
    putAnswer: (key, bytes) => void rows.set(key, bytes),
  });
  store.put("a", ANSWER);
  expect(plain(await store.find("a"))).toEqual(plain(ANSWER));
  expect(await store.find("b")).toBeUndefined();
  rows.set("c", new Uint8Array([1, 2]));
  expect(await store.find("c")).toBeUndefined();
});

test("a store that cannot be read says so", async () => {
  const store = createAnswerStore({
    ...NO_BYTES,
    findAnswer: () => Promise.reject(new Error("disk I/O error")),
  });
  await expect(store.find("a")).rejects.toThrow("disk I/O error");
});

test("of a claim the store finds the receipts, until there is an answer", async () => {
  const rows = new Map<string, Uint8Array>();
  const store = createAnswerStore({
    findAnswer: async (key) => rows.get(key),
    putAnswer: (key, bytes) => void rows.set(key, bytes),
    putClaim: (key, bytes, at, ids) => {
      expect([at, ids]).toEqual([5, ["мой", "own"]]);
      rows.set(key, bytes);
    },
    release: (key) => void rows.delete(key),
    receiptsOf: async (ids) => ids.map((id) => ({ status: "stored", id })),
  });
  store.claim("a", { fingerprint: "f", at: 5, ids: ["мой", "own"] });
  expect(await store.find("a")).toEqual({
    fingerprint: "f",
    at: 5,
    receipts: [
      { status: "stored", id: "мой" },
      { status: "stored", id: "own" },
    ],
  });
  store.put("a", ANSWER);
  expect(await store.find("a")).toMatchObject({ status: 201 });
  store.release("a");
  expect(await store.find("a")).toBeUndefined();
  rows.set("b", Buffer.from('\x02{"ids":1}'));
  expect(await store.find("b")).toBeUndefined();
});

const NO_BYTES: ByteStore = {
  findAnswer: async () => undefined,
  putAnswer() {},
  putClaim() {},
  release() {},
  receiptsOf: async () => [],
};

const plain = (answer: StoredAnswer | ClaimedReceipts | undefined) =>
  answer && "body" in answer && { ...answer, body: [...answer.body] };
