import * as v from "valibot";

import type { AnswerStore, StoredAnswer } from "../domain/ports.ts";

/** Bytes by key, on a disk. */
export interface ByteStore {
  findAnswer(key: string): Promise<Uint8Array | undefined>;
  /** Never throws. */
  putAnswer(key: string, bytes: Uint8Array): void;
}

/** Keeps answers as bytes. What another version wrote, or a broken disk, is as good as nothing. */
export const createAnswerStore = ({ findAnswer, putAnswer }: ByteStore): AnswerStore => ({
  async find(key) {
    const bytes = await findAnswer(key);
    return bytes && decodeAnswer(bytes);
  },
  put: (key, answer) => putAnswer(key, encodeAnswer(answer)),
});

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
