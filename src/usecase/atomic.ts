import { type Failure, failure, isRetriable } from "../domain/errors.ts";
import type { RawBatch, TakenBatch, Transaction, TransactionResult, Transactions } from "../domain/ports.ts";
import { backoff } from "../domain/retry.ts";
import { type AtomicBatch, type AtomicOutcome, createAtomicBatch, notKnown } from "./atomic-batch.ts";
import type { Books } from "./books.ts";

/** Publishes batches as a whole or not at all. */
export interface AtomicPublisher {
  /** Publishes a batch, tries again as often as is allowed, and answers after at most `wait` milliseconds. */
  publish(raw: RawBatch, wait: number): Promise<AtomicOutcome>;
  /** Takes nothing more, and gives up what is not being committed. Resolves when a commit under way had a second to end. */
  abandon(): Promise<void>;
}

export interface AtomicPublisherOptions {
  transactions: Pick<Transactions, "check" | "publishTogether">;
  books: Books;
  /** How often a batch is tried again, and the wait before the first time in milliseconds. */
  maxRetries: number;
  retryBackoff: number;
  /** The most bytes that the bodies of all batches may have which are not done. */
  maxBytes: number;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** The more there are in a transaction, the dearer its failure: each is then tried alone. */
const MAX_TOGETHER = 100;
const MAX_BATCHES = 1000;
const LAST_COMMIT_MS = 1000;

interface Running {
  batches: AtomicBatch[];
  transaction: Transaction;
  over: Promise<void>;
}

/**
 * Batches that come while a transaction is under way go together into the next, in their order. Where one fails for
 * good, each of its batches is tried alone, so that none fails but the one that was the reason.
 */
export function createAtomicPublisher(options: AtomicPublisherOptions): AtomicPublisher {
  const { transactions, books, maxRetries, retryBackoff, maxBytes, now = () => performance.now() } = options;
  const timers = new Map<AtomicBatch, ReturnType<typeof setTimeout>>();
  let waiting: AtomicBatch[] = [];
  let running: Running | undefined;
  let bytes = 0;
  let closed = false;

  async function publish(raw: RawBatch, wait: number): Promise<AtomicOutcome> {
    const start = now();
    const invalid = closed ? DRAINING : await transactions.check(raw);
    const error = invalid ?? whyNot(raw);
    if (error) return { status: "refused", error };
    return new Promise((answer) => {
      const batch = createAtomicBatch({ raw, wait, start, books, answer, onEnd });
      timers.set(
        batch,
        setTimeout(() => expire(batch), wait),
      );
      bytes += raw.body.length;
      waiting.push(batch);
      runSoon();
    });
  }

  function whyNot({ body }: RawBatch): Failure | undefined {
    if (closed) return DRAINING;
    return timers.size >= MAX_BATCHES || bytes + body.length > maxBytes ? FULL : undefined;
  }

  function onEnd(batch: AtomicBatch): void {
    clearTimeout(timers.get(batch));
    timers.delete(batch);
    bytes -= batch.raw.body.length;
    waiting = waiting.filter((each) => each !== batch);
  }

  /** Those that come in one turn of the event loop need not begin with a transaction for the first alone. */
  function runSoon(): void {
    if (!running) setImmediate(run);
  }

  function run(): void {
    if (running || waiting.length === 0) return;
    const batches = waiting.splice(0, countTogether(waiting));
    const transaction = transactions.publishTogether(batches.map(({ raw }) => raw));
    const over = transaction.result.then((result) => {
      running = undefined;
      batches.forEach((batch, index) => conclude(batch, result, result.batches[index]));
      tryAgain(batches.filter(({ ended }) => !ended));
      runSoon();
    });
    running = { batches, transaction, over };
  }

  /** Those that failed wait a while. Whatever is tried again goes first, since it came first. */
  function tryAgain(batches: AtomicBatch[]): void {
    for (const [failures, group] of Map.groupBy(batches, (batch) => batch.failures)) {
      const queue = () => void waiting.unshift(...group.filter(({ ended }) => !ended));
      if (failures === 0) queue();
      else setTimeout(() => (queue(), runSoon()), backoff(failures + 1, retryBackoff));
    }
  }

  /** Ends a batch, or notes why it is to be tried again. */
  function conclude(batch: AtomicBatch, result: TransactionResult, known?: TakenBatch | Failure): void {
    if (batch.ended) return;
    if (known && "batch" in known) batch.take(known.batch);
    if (known && "code" in known) return concludeRefusal(batch, known);
    if (result.outcome === "committed") return batch.deliver((known as TakenBatch).receipts!);
    if (result.outcome === "unknown") return batch.fail(notKnown(`(${result.error.detail})`));
    if (result.outcome === "aborted") return concludeFailure(batch, result.error);
    batch.interruptions++;
    batch.alone ||= batch.interruptions > 1;
  }

  /** It was looked at before, so what is missing is room beside the others. */
  function concludeRefusal(batch: AtomicBatch, error: Failure): void {
    if (batch.alone) concludeFailure(batch, error);
    else batch.alone = true;
  }

  function concludeFailure(batch: AtomicBatch, error: Failure): void {
    const isLast = isRetriable(error.code) ? batch.failures >= maxRetries : batch.alone;
    if (isLast || batch.unconfirmed || closed) return batch.fail(error);
    if (isRetriable(error.code)) batch.failures++;
    batch.alone = !isRetriable(error.code) || batch.failures > 1;
  }

  /** The time that its poster waits is over. What is not being committed is taken back, for good. */
  function expire(batch: AtomicBatch): void {
    const mine = running?.batches.includes(batch);
    if (batch.unconfirmed) return;
    if (mine && !running!.transaction.cancel()) return batch.leaveUnconfirmed();
    batch.fail(withdrawn(batch.wait));
  }

  async function abandon(): Promise<void> {
    closed = true;
    const committing = running && !running.transaction.cancel() ? running.batches : [];
    for (const batch of timers.keys()) {
      if (!committing.includes(batch)) batch.fail(ABANDONED);
    }
    await Promise.race([running?.over, Bun.sleep(LAST_COMMIT_MS)]);
    for (const batch of committing) {
      if (!batch.ended && !batch.unconfirmed) batch.leaveUnconfirmed();
    }
  }

  return { publish, abandon };
}

function countTogether(waiting: readonly AtomicBatch[]): number {
  const lone = waiting.findIndex(({ alone }) => alone);
  if (lone === 0) return 1;
  return Math.min(lone === -1 ? waiting.length : lone, MAX_TOGETHER);
}

const DRAINING = failure("draining", "the server is shutting down");
const FULL = failure("admission-closed", "too many atomic batches wait for Kafka; post again later", {
  retryAfter: 1,
});
const ABANDONED = failure(
  "delivery-abandoned",
  "sidepost shut down before the batch was committed; nothing of it will be seen",
);

const withdrawn = (wait: number): Failure =>
  failure(
    "kafka-unavailable",
    `Kafka did not take the batch within ${wait} ms; it was taken back, and nothing of it will be seen`,
    { retryAfter: 1 },
  );
