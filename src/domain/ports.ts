import type { Failure } from "./errors.ts";
import type { EventType } from "./event.ts";

/** Where Kafka put a record. */
export interface Position {
  topic: string;
  partition: number;
  /** Null where it is not known: the answer that named it was lost, and Kafka then said only that it has the record. */
  offset: number | null;
  /** Milliseconds since the epoch, as the broker or the client stamped the record; null where it is not known. */
  timestamp: number | null;
}

/** What became of a record: where it is, or why it is nowhere, or not known to be. */
export type Delivery = Position | { error: Failure };

/** How the events of a batch lie in its body: a JSON array, or one a line (NDJSON). */
export type Framing = "array" | "lines";

/** A batch on its way: what is known of each event, in the body's order. */
export interface Batch {
  readonly size: number;
  readonly ids: readonly string[];
  typeAt(index: number): EventType;
  /** Undefined while the event is on its way. */
  deliveryAt(index: number): Delivery | undefined;
}

/**
 * The way into Kafka. It takes posts as bytes and reads them strictly: `malformed-body` says where a body breaks, but
 * `invalid-event` only that something is wrong. Everything taken is settled exactly once, by a delivery report or by `abandon`, on the event
 * loop and never inside the call that took it. Events of one key keep their order.
 */
export interface Producer {
  /** Takes one event, and returns its id; or says why it took nothing. */
  send(body: Uint8Array, type: EventType, settle: Settle): string | Failure;
  /**
   * Takes all events of a body or none. `settle` is called when the last of them is settled; where `receipts` are wanted
   * and all were delivered, with the JSON of `Receipts`.
   */
  sendBatch(body: Uint8Array, framing: Framing, receipts: boolean, settle: SettleBatch): Batch | Failure;
  /** Resolves when everything taken so far is settled, or after `ms` milliseconds. True when nothing is left. */
  flush(ms: number): Promise<boolean>;
  /** Gives up what is not settled: it settles with `delivery-abandoned`. Resolves when all of it has. Idempotent. */
  abandon(): Promise<void>;
  /** Frees the client. Idempotent; a `send` after it is refused. */
  close(): Promise<void>;
  /** What the client knows about itself and the cluster. */
  status(): ProducerStatus;
}

/** Called with what became of an event, its id and its key again beside it. */
export type Settle = (delivery: Delivery, id: string, key: string | null) => void;

export type SettleBatch = (receipts: Uint8Array | undefined) => void;

export interface ProducerStatus {
  /** True from the first answer of any broker on. */
  contacted: boolean;
  brokersUp: number;
  brokersKnown: number;
  /** Events taken and not settled, and the bytes of their values, keys and headers. */
  queuedRecords: number;
  queuedBytes: number;
  /** Whether there is room for more. */
  hasRoom: boolean;
  /** Produce requests sent again, since start. */
  retries: number;
  /** The last error of the client as a whole, such as all brokers down, while no broker is up. */
  lastError?: string;
  /** Why the client can never produce again, if it cannot. */
  fatalError?: string;
}

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

/** A chunk that was in the file when it was opened, and is not settled. */
export type FoundChunk = Pick<Chunk, "number" | "count" | "keys">;

/**
 * What became of the records of a chunk, in its order: 24 bytes each, little-endian: offset (f64, negative where unknown),
 * timestamp (f64, likewise), partition (i32), code (i16, librdkafka's; 0 is delivered), topic (u16, index into `topics`).
 */
export interface Outcomes {
  number: number;
  topics: readonly string[];
  outcomes: Uint8Array;
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
  | ({ status: "delivered" } & Position)
  | { status: "failed"; code: number; text: string };

/** Why nothing was written. `detail` says what was seen and what to do. */
export class SpoolError extends Error {
  readonly reason: "full" | "unwritable" | "closed";
  readonly detail: string;
  constructor(reason: SpoolError["reason"], detail: string) {
    super(detail);
    this.name = "SpoolError";
    this.reason = reason;
    this.detail = detail;
  }
}

/** Where events outlive the process. All of it is written and read by a thread of its own. */
export interface SpoolFile {
  /**
   * Writes chunks, and resolves when they are fsynced. What is given while a commit is under way makes up the next one,
   * which is written as a whole or not at all. Rejects with a {@link SpoolError}.
   */
  append(chunks: readonly Chunk[]): Promise<void>;
  /**
   * The chunks are settled: their records go away with the next commit, or soon. Their outcomes stay until there are
   * newer ones of 100,000 events. Kept in memory and tried again where the disk takes nothing.
   */
  settle(outcomes: readonly Outcomes[]): void;
  /** Puts records aside that Kafka refused for good. The oldest go, with a log line, when they take a tenth of the limit. */
  refuse(refused: readonly Refused[]): void;
  /** The records of a chunk; undefined where it is settled, or lost with a damaged file. */
  read(number: number): Promise<Uint8Array | undefined>;
  /** What is known of the event with this 8-byte id hash. */
  find(id: Uint8Array): Promise<Trace | undefined>;
  /** Keeps the answer to an idempotency key, taken `at` milliseconds since the epoch; resolves and rejects as `append`. */
  putAnswer(key: string, answer: Uint8Array, at: number): Promise<void>;
  /** An answer that was put, and has been written. */
  findAnswer(key: string): Promise<Uint8Array | undefined>;
  /** Drops the answers taken before this time, in milliseconds since the epoch. */
  forgetAnswers(before: number): void;
  /** Figures of the moment, known without asking the thread. */
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
  /** Whether a chunk of this size would be taken now. */
  hasRoom(bytes: number): boolean;
}
