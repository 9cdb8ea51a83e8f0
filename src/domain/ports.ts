import type { Failure } from "./errors.ts";
import type { EventType } from "./event.ts";
import type { Receipt } from "./receipt.ts";

/** Where Kafka put a record. */
export interface Position {
  topic: string;
  partition: number;
  /** Null where it is not known: the answer that named it was lost, and Kafka then said only that it has the record. */
  offset: number | null;
  /** Milliseconds since the epoch, as the broker or the client stamped the record; null where it is not known. */
  timestamp: number | null;
}

/**
 * What became of a record: where it is, or why it is nowhere, or not known to be (`nowhere`: it surely is not). `stored`: on disk, for
 * the next process.
 */
export type Delivery = Position | { error: Failure; nowhere?: boolean } | { stored: true };

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
  /**
   * Takes one event, and returns its id; or says why it took nothing. `promised`: its poster will hear no more of it. It
   * is not settled where it `wentToDisk`.
   */
  send<P extends Posted<P>>(
    body: Uint8Array,
    type: EventType,
    promised: boolean,
    posted: P,
  ): string | Failure;
  /** Whether what was taken last is on disk alone. */
  wentToDisk(): boolean;
  /**
   * Takes all events of a body or none. `settle` is called when the last of them is settled; where `receipts` are wanted
   * and all were delivered, with the JSON of `Receipts`.
   */
  sendBatch(body: Uint8Array, framing: Framing, receipts: boolean, settle: SettleBatch): Batch | Failure;
  /** The posters of these events, who waited for them, will hear no more of them either. Nothing where they are settled. */
  promise(ids: readonly string[]): void;
  /** Resolves when everything taken so far is settled, or after `ms` milliseconds. True when nothing is left. */
  flush(ms: number): Promise<boolean>;
  /**
   * Gives up what is not settled: it settles with `delivery-abandoned`. Resolves when all of it has. Idempotent; a `send`
   * after it is refused with `draining`.
   */
  abandon(): Promise<void>;
  /** Frees the client. Idempotent; a `send` after it is refused as well. */
  close(): Promise<void>;
  /** What the client knows about itself and the cluster. */
  status(): ProducerStatus;
  readonly queue: QueueFigures;
}

/** A batch as it was posted. */
export interface RawBatch {
  body: Uint8Array;
  framing: Framing;
}

/** A batch inside a transaction; where all of it was delivered, with the JSON of `Receipts`. */
export interface TakenBatch {
  batch: Batch;
  receipts: Uint8Array | undefined;
}

/**
 * What became of a transaction. `aborted` and `cancelled`: whoever reads committed records sees nothing of it, now or
 * later. `unknown`: all of it or nothing. `batches` say of each what was taken, or why nothing was; they may be missing
 * where there was no transaction.
 */
export type TransactionResult =
  | { outcome: "committed"; batches: (TakenBatch | Failure)[] }
  | { outcome: "aborted" | "cancelled" | "unknown"; error: Failure; batches: (TakenBatch | Failure)[] };

/** A transaction on its way. */
export interface Transaction {
  result: Promise<TransactionResult>;
  /** Asks that nothing of it be visible. False where that can no longer be said, since the commit has begun. */
  cancel(): boolean;
}

/** Batches into Kafka, all or nothing; one transaction at a time. */
export interface Transactions {
  /** Why a batch can never be taken, if so, as `sendBatch` would say it. */
  check(batch: RawBatch): Promise<Failure | undefined>;
  /** Writes the batches in one transaction, once: trying again is the caller's. Never rejects. */
  publishTogether(batches: readonly RawBatch[]): Transaction;
  status(): TransactionsStatus;
  /** Frees the client; a transaction on its way ends soon, as it may. Idempotent. */
  close(): Promise<void>;
}

export interface TransactionsStatus {
  /** Events taken and not settled, and the bytes of their values, keys and headers. */
  queuedRecords: number;
  queuedBytes: number;
  /** Clients that had failed for good, and were replaced by another. */
  renewals: number;
}

/**
 * What is kept of each event until it is settled: its poster's own object, and no more, since there may be as many as
 * memory holds.
 */
export interface Posted<P> {
  /** Written by `send`. */
  id: string;
  /** Called with what became of the event, and its key. Better one function for many. */
  readonly settle: (posted: P, delivery: Delivery, key: string | null) => void;
}

export type SettleBatch = (receipts: Uint8Array | undefined) => void;

/** Where the figures of {@link Producer.queue} are. */
export const QUEUE = {
  /** Events taken and not settled. */
  records: 0,
  /** The bytes of memory that they take. */
  bytes: 1,
  /** The bytes of those that were settled, since start. */
  left: 2,
  /** The bytes that requests hold beside the queue, which count against its bound, too: the one that is written from outside. */
  requests: 3,
} as const;

/** Plain numbers, always up to date, that are read without a call. */
export type QueueFigures = Float64Array;

export interface ProducerStatus {
  /** True from the first answer of any broker on. */
  contacted: boolean;
  brokersUp: number;
  brokersKnown: number;
  /** Events taken and not settled, and the bytes of memory that they take. */
  queuedRecords: number;
  queuedBytes: number;
  /** Produce requests sent again, since start. */
  retries: number;
  /** How often a client that had failed for good was replaced, since start. */
  renewals: number;
  /** The last error of the client as a whole, such as all brokers down, while no broker is up. */
  lastError?: string;
  /** Why the client can never produce again, if it cannot. */
  fatalError?: string;
}

/** An answer as it was given, for the same post again. */
export interface StoredAnswer {
  /** Tells the post that it answers from others with the same key. */
  fingerprint: string;
  /** When it was given, in milliseconds since the epoch. */
  at: number;
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** A post that was taken, and has no answer that outlives the process yet. */
export interface Claim {
  fingerprint: string;
  /** When it was taken, in milliseconds since the epoch. */
  at: number;
  ids: readonly string[];
}

/** Such a post, and what is known of its events. */
export interface ClaimedReceipts extends Pick<Claim, "fingerprint" | "at"> {
  receipts: Receipt[];
}

/** Keeps answers by their Idempotency-Key for longer than the process lives. */
export interface AnswerStore {
  /** Of a post without an answer: its receipts. Rejects where it cannot be read. */
  find(key: string): Promise<StoredAnswer | ClaimedReceipts | undefined>;
  /** Writes in its own time, and never throws: what cannot be written is the store's to report. Takes the claim's place. */
  put(key: string, answer: StoredAnswer): void;
  /** The key goes to disk when its events do. To be called in the turn of the event loop in which they were taken. */
  claim(key: string, claim: Claim): void;
  /** The key is free: nothing is found of it any more. Never throws. */
  release(key: string): void;
}

/** Knows what became of some events. */
export interface ReceiptSource {
  /** Rejects where it cannot be read. */
  find(id: string): Receipt | undefined | Promise<Receipt | undefined>;
  /** How far back it knows, such as "the last 65536 events". */
  reach(): string;
}
