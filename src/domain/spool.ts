import type { Position } from "./ports.ts";

/**
 * Events as the core composed them, in the order they were taken. Numbers grow with that order, also across restarts.
 * Whoever hands a chunk over gives its buffers away: they are detached.
 */
export interface Chunk {
  number: number;
  /** Events in it. */
  count: number;
  /** Records back to back (src/native/core/record.h). */
  bytes: Uint8Array;
  /** 4 bytes a record: the hash of topic and key, 0 without a key. */
  keys: Uint8Array;
  /** 8 bytes a record: the hash of the event id. */
  ids: Uint8Array;
}

/** A chunk that is in the file alone, and is not settled. `count`: of its events that are not. */
export type FoundChunk = Pick<Chunk, "number" | "count" | "keys">;

/** A chunk as the disk has it, and the outcomes of those of its events that are settled already, where there are any. */
export interface StoredChunk extends Pick<Chunk, "bytes"> {
  outcomes?: Uint8Array | undefined;
  /** Whether it is what was written. Otherwise none of it can be trusted. */
  intact: boolean;
}

/**
 * What became of the records of a chunk, in its order: 24 bytes each, little-endian: offset (f64, negative where unknown),
 * timestamp (f64, likewise), partition (i32), code (i16, librdkafka's; 0 is delivered, STORED not settled), topic (u16, index into `topics`).
 */
export interface Outcomes {
  number: number;
  topics: readonly string[];
  outcomes: Uint8Array;
}

/** An Idempotency-Key with what is needed to answer its post again: written with its events, or not at all. */
export interface KeyClaim {
  key: string;
  answer: Uint8Array;
  /** Milliseconds since the epoch. */
  at: number;
}

/** A record that Kafka refused for good. */
export interface Refused {
  /** The 8-byte hash of the event id. */
  id: Uint8Array;
  /** librdkafka's, and what it means. */
  code: number;
  text: string;
  /** The record (src/native/core/record.h). */
  bytes: Uint8Array;
}

/** What the file knows of an event. */
export type Trace =
  | { status: "stored" }
  /** Its bytes are not what was written. */
  | { status: "damaged" }
  | ({ status: "delivered" } & Position)
  | { status: "failed"; code: number; text: string };

/** Why nothing was written or read. `detail` says what was seen and what to do. */
export class SpoolError extends Error {
  readonly reason: "full" | "unwritable" | "unreadable" | "closed";
  readonly detail: string;
  /** It may be in the file all the same, and be found there when that is opened again. */
  readonly unsure: boolean;
  constructor(reason: SpoolError["reason"], detail: string, unsure = false) {
    super(detail);
    this.name = "SpoolError";
    this.reason = reason;
    this.detail = detail;
    this.unsure = unsure;
  }
}

/** Where events outlive the process. All of it is written and read by a thread of its own. */
export interface SpoolFile {
  /**
   * Writes chunks, and resolves when they are fsynced. What is given while a commit is under way makes up the next one,
   * which is written as a whole or not at all. Rejects with a {@link SpoolError}.
   */
  append(chunks: readonly Chunk[], claims?: readonly KeyClaim[]): Promise<void>;
  /**
   * The chunks are settled: their records go away with the next commit, or soon. Their outcomes stay until there are
   * newer ones of 100,000 events. Kept in memory and tried again where the disk takes nothing.
   */
  settle(outcomes: readonly Outcomes[]): void;
  /**
   * Some events of these chunks are settled: their outcomes go with the next commit, or soon, and the next process does not
   * get them. Not tried again where the disk takes nothing.
   */
  settlePartly(outcomes: readonly Outcomes[]): void;
  /** Puts chunks aside that are not what was written: they stay in the file, unless they take a tenth of the limit. */
  setAside(numbers: readonly number[]): void;
  /** Puts records aside that Kafka refused for good. The oldest go, with a log line, when they take a tenth of the limit. */
  refuse(refused: readonly Refused[]): void;
  /** A chunk; undefined where it is settled, or lost with a damaged file. Rejects with a {@link SpoolError} where that is not known. */
  read(number: number): Promise<StoredChunk | undefined>;
  /** What is known of the event with this 8-byte id hash. Rejects as `read`. */
  find(id: Uint8Array): Promise<Trace | undefined>;
  /** The same of events that were taken together: their hashes one behind the other. Rejects as `read`. */
  findTogether(ids: Uint8Array): Promise<(Trace | undefined)[]>;
  /** Keeps the answer to an idempotency key, given `at` milliseconds since the epoch; resolves and rejects as `append`. */
  putAnswer(key: string, answer: Uint8Array, at: number): Promise<void>;
  /** Drops the answer to a key, or its claim, with what was given before. Tried again where the disk takes nothing. */
  dropAnswer(key: string): void;
  /** An answer that was put, or a claim, and has been written. Rejects as `read`. */
  findAnswer(key: string): Promise<Uint8Array | undefined>;
  /** Drops the answers taken before this time, in milliseconds since the epoch. */
  forgetAnswers(before: number): void;
  /** Whether a chunk of this size would be taken now. Known, as `status` is, without asking the thread. */
  hasRoom(bytes: number): boolean;
  /** Figures of the moment. */
  status(): SpoolStatus;
  /** Writes everything given so far and closes the file. Idempotent; what is given after it is refused. */
  close(): Promise<void>;
}

export interface SpoolStatus {
  open: boolean;
  /** What is wrong, and what to do; undefined while all is well. */
  problem?: string;
  /** Bytes that count against the limit: of unsettled chunks, receipts, refused records and answers. */
  bytes: number;
  /** Events in unsettled chunks. */
  records: number;
}

/** The producer's side of the spool: what it takes as records, and records as what it takes. */
export interface Journal {
  /** Whether events that are taken from now on are written. Chunks count on from `next`, where it is given, and is higher than theirs. */
  write(on: boolean, next?: number): void;
  /** What was written since the last call. `alone`: its events are in no memory. */
  take(): (Chunk & { alone: boolean })[];
  /** Writes everything in memory that is in no chunk yet: some MiB with each `take`, until `status` says that it is not spilling. */
  spill(): void;
  /** These chunks did not come to disk, or are not there any more. `keys`: of their events, where they were `alone`; otherwise empty. */
  drop(chunks: readonly Pick<Chunk, "number" | "keys">[]): void;
  /** Events of these keys are on disk alone, and others of the same keys go there behind them, until they are replayed. */
  addBehind(keys: Uint8Array): void;
  /** The chunk's bytes are given away. Takes the records of a chunk on their way, but for those with an outcome. False where they are none. */
  replay(chunk: Pick<StoredChunk, "bytes" | "outcomes">, number: number): boolean;
  /** The chunks whose events have all been settled since the last call. */
  settled(): SettledChunk[];
  /**
   * The chunks that have been settled in part for longer than from one call to the next, and again only when more of them
   * is. `all`: every one, for the end of the process.
   */
  partlySettled(all: boolean): Outcomes[];
  /** Promised events that Kafka refused for good since the last call. */
  refused(): Refused[];
  status(): JournalStatus;
}

export interface SettledChunk extends Outcomes {
  /** Whether it was read from disk, so that nobody else counts its events. */
  replayed: boolean;
  /** The event types, by the same index as `topics`. */
  types: readonly string[];
}

export interface JournalStatus {
  /** Milliseconds since the oldest event that is not settled was taken, whatever the wall clock does; 0 where there is none. */
  age: number;
  /** Events on disk alone. */
  behind: number;
  /** Whether a part of what `spill` is to write is still to come. */
  spilling: boolean;
}
