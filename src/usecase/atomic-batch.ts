import { type Failure, failure } from "../domain/errors.ts";
import type { Batch, RawBatch } from "../domain/ports.ts";
import type { Refused } from "../domain/receipt.ts";
import type { Books, EventsByType } from "./books.ts";
import type { AllDelivered } from "./publish.ts";

/** `failed`: the batch was taken, and nothing of it will be seen; unless the error's code is `delivery-timeout`. */
export type AtomicOutcome = AllDelivered | Refused | { status: "failed"; error: Failure };

/** One atomic batch from its post to its end: it is answered once, and ends once. */
export interface AtomicBatch {
  readonly raw: RawBatch;
  /** Milliseconds that its poster waits. */
  readonly wait: number;
  /** Tries that failed, and tries cancelled since another batch's time was over. */
  failures: number;
  interruptions: number;
  /** It goes into no transaction with others. */
  alone: boolean;
  readonly ended: boolean;
  /** Whether its poster was told that it is not known, since its commit was under way. */
  readonly unconfirmed: boolean;
  /** Notes its events as a try has taken them, under ids of that try. */
  take(batch: Batch): void;
  deliver(receipts: Uint8Array): void;
  /** Nothing of it is in Kafka, or nobody knows. */
  fail(error: Failure): void;
  /** Answers that it is not known whether it is in Kafka. */
  leaveUnconfirmed(): void;
}

export interface AtomicBatchOptions {
  raw: RawBatch;
  wait: number;
  /** Milliseconds of a monotonic clock. */
  start: number;
  books: Books;
  answer: (outcome: AtomicOutcome) => void;
  onEnd: (batch: AtomicBatch) => void;
}

/** Begins the life of a batch. */
export function createAtomicBatch(options: AtomicBatchOptions): AtomicBatch {
  const { raw, wait, start, books, answer, onEnd } = options;
  let taken: Batch | undefined;
  let events: EventsByType | undefined;
  let [ended, unconfirmed] = [false, false];

  function end(outcome: AtomicOutcome): void {
    ended = true;
    if (!unconfirmed) answer(outcome);
    onEnd(self);
  }

  function bookFailed(batch: Batch, error: Failure): void {
    for (let index = 0; index < batch.size; index++) {
      const receipt = { status: "failed", id: batch.ids[index]!, error } as const;
      books.failed(batch.typeAt(index), receipt, start, unconfirmed);
    }
  }

  const self: AtomicBatch = {
    raw,
    wait,
    failures: 0,
    interruptions: 0,
    alone: false,
    get ended() {
      return ended;
    },
    get unconfirmed() {
      return unconfirmed;
    },
    take(batch) {
      taken = batch;
      events ??= books.acceptedBatch(batch);
    },
    deliver(receipts) {
      if (taken && events) books.settledBatch(taken, events, start, true, false);
      end({ status: "delivered", json: receipts });
    },
    fail(error) {
      if (taken) bookFailed(taken, error);
      end({ status: taken ? "failed" : "refused", error });
    },
    leaveUnconfirmed() {
      unconfirmed = true;
      answer({ status: "failed", error: notKnown(`within ${wait} ms`) });
    },
  };
  return self;
}

/** That a commit was begun and its outcome is not known. */
export const notKnown = (why: string): Failure =>
  failure(
    "delivery-timeout",
    `Kafka did not confirm the commit ${why}: either the whole batch is in Kafka or nothing of it, ` +
      "so a retry can make a second one",
    { retryAfter: 1 },
  );
