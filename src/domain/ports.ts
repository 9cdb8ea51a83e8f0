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
  readonly queue: QueueFigures;
}

/** Called with what became of an event, its id and its key again beside it. */
export type Settle = (delivery: Delivery, id: string, key: string | null) => void;

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
  /** The last error of the client as a whole, such as all brokers down, while no broker is up. */
  lastError?: string;
  /** Why the client can never produce again, if it cannot. */
  fatalError?: string;
}
