import type { Failure } from "./errors.ts";
import type { EventRecord } from "./event.ts";

/** Where Kafka put a record, or why it did not. */
export type Delivery =
  { topic: string; partition: number; offset: number; timestamp: number } | { error: Failure };

/**
 * The way into Kafka. Everything taken is settled exactly once: by a delivery report, or by `abandon`.
 * Records of one key keep their order.
 */
export interface Producer {
  /**
   * Takes one record, or says why there is no room for it; then nothing was taken and `settle` is not called.
   * `settle` runs later, on the event loop, never inside this call.
   */
  send(record: EventRecord, settle: (delivery: Delivery) => void): Failure | undefined;
  /** Resolves when everything taken so far is settled, or after `ms` milliseconds. True when nothing is left. */
  flush(ms: number): Promise<boolean>;
  /** Gives up what is still unsettled: each `settle` gets `delivery-abandoned`. Idempotent. */
  abandon(): Promise<void>;
  /** Frees the client. Idempotent; a `send` after it is refused. */
  close(): Promise<void>;
  /** What the client knows about itself and the cluster. */
  status(): ProducerStatus;
}

export interface ProducerStatus {
  /** True from the first answer of any broker on. */
  contacted: boolean;
  brokersUp: number;
  brokersKnown: number;
  /** Records and bytes taken and not settled. */
  queuedRecords: number;
  queuedBytes: number;
  /** Produce requests sent again, since start. */
  retries: number;
  /** The last error of the client as a whole, such as all brokers down. */
  lastError?: string;
}
