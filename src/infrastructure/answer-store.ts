import * as v from "valibot";

import type { AnswerStore, Claim, StoredAnswer } from "../domain/ports.ts";
import type { Receipt } from "../domain/receipt.ts";

/** Bytes by key, on a disk. `at`: milliseconds since the epoch. */
export interface ByteStore {
  findAnswer(key: string): Promise<Uint8Array | undefined>;
  /** Takes the claim's place. Never throws. */
  putAnswer(key: string, bytes: Uint8Array, at: number): void;
  /** Writes the key with the first of these events that is written. */
  putClaim(key: string, bytes: Uint8Array, at: number, ids: readonly string[]): void;
  /** Nothing of the key is found any more, whether it was written or not. Never throws. */
  release(key: string): void;
  receiptsOf(ids: readonly string[]): Promise<Receipt[]>;
}

/** Keeps answers as bytes. What another version wrote, or a broken disk, is as good as nothing. */
export const createAnswerStore = (store: ByteStore): AnswerStore => ({
  async find(key) {
    const bytes = await store.findAnswer(key);
    const claim = bytes && decodeClaim(bytes);
    if (claim === undefined) return bytes && decodeAnswer(bytes);
    const { ids, ...rest } = claim;
    return { ...rest, receipts: await store.receiptsOf(ids) };
  },
  put(key, answer) {
    store.putAnswer(key, encodeAnswer(answer), answer.at);
  },
  claim(key, claim) {
    store.putClaim(key, encodeClaim(claim), claim.at, claim.ids);
  },
  release: store.release,
});

/** A claim is this byte, and JSON. */
const CLAIM = 2;

const Claimed = v.object({ fingerprint: v.string(), at: v.number(), ids: v.array(v.string()) });

/** A claim as bytes. */
export const encodeClaim = (claim: Claim): Uint8Array =>
  Buffer.concat([Uint8Array.of(CLAIM), Buffer.from(JSON.stringify(claim))]);

/** The claim that the bytes are; undefined where they are none. */
export function decodeClaim(encoded: Uint8Array): Claim | undefined {
  if (encoded[0] !== CLAIM) return undefined;
  const parsed = v.safeParse(Claimed, parseJson(new TextDecoder().decode(encoded.subarray(1))));
  return parsed.success ? parsed.output : undefined;
}

/** The layout: this byte, the length of the head as four bytes (big-endian), the head as JSON, and the body as it is. */
const VERSION = 1;
const HEAD_AT = 5;

const Head = v.object({
  fingerprint: v.string(),
  at: v.number(),
  status: v.number(),
  headers: v.record(v.string(), v.string()),
  size: v.number(),
});

/** An answer as bytes. */
export function encodeAnswer({ body, ...rest }: StoredAnswer): Uint8Array {
  const head = Buffer.from(JSON.stringify({ ...rest, size: body.byteLength }));
  const start = Buffer.alloc(HEAD_AT);
  start.writeUInt8(VERSION);
  start.writeUInt32BE(head.byteLength, 1);
  return Buffer.concat([start, head, body]);
}

/** The answer that the bytes are; undefined where they are none. */
export function decodeAnswer(encoded: Uint8Array): StoredAnswer | undefined {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  if (bytes.byteLength < HEAD_AT || bytes.readUInt8() !== VERSION) return undefined;
  const bodyAt = HEAD_AT + bytes.readUInt32BE(1);
  const parsed = v.safeParse(Head, parseJson(bytes.toString("utf8", HEAD_AT, bodyAt)));
  if (!parsed.success) return undefined;
  const { size, ...head } = parsed.output;
  return bytes.byteLength === bodyAt + size ? { ...head, body: bytes.subarray(bodyAt) } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
