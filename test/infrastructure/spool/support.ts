import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogFields, Logger } from "../../../src/domain/logger.ts";
import type { Chunk, FoundChunk, Outcomes, SpoolFile } from "../../../src/domain/spool.ts";
import { openSpool } from "../../../src/infrastructure/spool/spool.ts";

/** A folder that goes with the test. */
export function newFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "sidepost-spool-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Opened extends AsyncDisposable {
  spool: SpoolFile;
  /** What each `onOpen` was told. */
  found: { chunks: FoundChunk[]; last: number }[];
  log: { level: string; fields: LogFields; msg: string }[];
}

export async function open(folder: string, maxBytes = 1024 ** 3): Promise<Opened> {
  const log: Opened["log"] = [];
  const found: Opened["found"] = [];
  const line = (level: string) => (fields: LogFields, msg: string) => void log.push({ level, fields, msg });
  const logger: Logger = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  const spool = await openSpool({
    folder,
    maxBytes,
    logger,
    onOpen: (chunks, last) => void found.push({ chunks, last }),
  });
  return { spool, found, log, [Symbol.asyncDispose]: () => spool.close() };
}

const EVENT_BYTES = 400;

/** A chunk whose every byte follows from its number. It cannot be compressed. */
export const chunk = (number: number, count = 1, size = EVENT_BYTES): Chunk => ({
  number,
  count,
  bytes: noise(number, count * size),
  keys: new Uint8Array(count * 4).fill(number),
  ids: new Uint8Array(Buffer.concat(Array.from({ length: count }, (_, index) => id(number, index)))),
});

/** Bytes without a pattern that a compressor finds: MurmurHash3's finalizer over a counter. */
export function noise(seed: number, size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let index = 0; index < words.length; index++) {
    let word = Math.imul(seed, 0x9e3779b1) + index;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    words[index] = word ^ (word >>> 16);
  }
  return new Uint8Array(words.buffer).slice(0, size);
}

/** The id hash of an event. */
export function id(number: number, index = 0): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number) * 1_000_000n + BigInt(index) + 1n);
  return bytes;
}

/** One record's fate. */
export interface Fate {
  offset?: number;
  timestamp?: number;
  partition?: number;
  code?: number;
}

export function outcomes(number: number, fates: readonly Fate[], topics = ["events"]): Outcomes {
  const view = new DataView(new ArrayBuffer(24 * fates.length));
  for (const [index, { offset = -1, timestamp = -1, partition = 0, code = 0 }] of fates.entries()) {
    view.setFloat64(24 * index, offset, true);
    view.setFloat64(24 * index + 8, timestamp, true);
    view.setInt32(24 * index + 16, partition, true);
    view.setInt16(24 * index + 20, code, true);
  }
  return { number, topics, outcomes: new Uint8Array(view.buffer) };
}

/** All of a chunk's events delivered. */
export const delivered = (number: number, count = 1): Outcomes =>
  outcomes(
    number,
    Array.from({ length: count }, () => ({ offset: number, timestamp: 1 })),
  );
