import { type ErrorCode, type Failure, failure } from "../domain/errors.ts";
import type { Failed, Receipt, Refused } from "../domain/receipt.ts";

/** What the caller waits for: Kafka's confirmation for so many milliseconds, or nothing. */
export type Wait = number | "no";

/** Who wants to know more of a post than its answer. */
export interface Watch<Outcome> {
  /** The ids, in the turn of the event loop in which the events were taken. */
  taken(ids: readonly string[]): void;
  /** The last word on what was taken, which may come long after an answer that did not wait for it. */
  settled(outcome: Outcome): void;
}

export type BatchOutcome = SettledBatch | Refused;

/** What becomes of a batch that was taken. */
export type SettledBatch = Receipt[] | AllDelivered | Left;

/** Every event of a batch is in Kafka; `json` is `Receipts`, rendered. */
export interface AllDelivered {
  status: "delivered";
  json: Uint8Array;
}

/** The caller has left, and gets no answer. */
export interface Left {
  status: "left";
  error: Failure;
}

/** For the counts of requests: there is nobody to read it. */
export const LEFT = failure(
  "client-left",
  "the client left before its answer; the log has where the events are",
);

const UNCONFIRMED: ErrorCode = "delivery-timeout";

/** What is answered of an event that Kafka did not confirm within `wait` milliseconds. */
export function unconfirmed(id: string, wait: number): Failed {
  const detail =
    `Kafka did not confirm the event within ${wait} ms; it is still queued and may be delivered later, ` +
    "so a retry without the same Idempotency-Key can make a second record";
  return { status: "failed", id, error: failure(UNCONFIRMED, detail, { retryAfter: 1 }) };
}

/** Whether the event is unconfirmed, and still on its way. */
export const isLate = (receipt: Receipt): boolean =>
  receipt.status === "failed" && receipt.error.code === UNCONFIRMED;
