import type { Batch, Framing, Producer, SettleBatch } from "../domain/ports.ts";
import type { Accepted, Receipt } from "../domain/receipt.ts";
import { type Books, type EventsByType, toReceipt } from "./books.ts";
import type { EventLog } from "./eventlog.ts";
import { type Keep, makesRoom, notStored, type PublishSpooling } from "./on-disk.ts";
import {
  type BatchOutcome,
  isLate,
  LEFT,
  type SettledBatch,
  unconfirmed,
  type Wait,
  type Watch,
} from "./post-outcome.ts";
import type { Caller, WaitFor } from "./waiting.ts";

/**
 * Publishes all events of a body or none; the receipts are in the body's order. Nobody waits any longer when `caller` has
 * left. `watch` is told of what was taken, and once what became of it: not where all that is on its way was answered `stored`.
 */
export type PublishMany = (
  body: Uint8Array,
  framing: Framing,
  wait: Wait,
  caller?: Caller,
  watch?: Watch<SettledBatch>,
) => BatchOutcome | Promise<BatchOutcome>;

export interface PublishManyOptions {
  producer: Pick<Producer, "sendBatch" | "wentToDisk">;
  spooling: PublishSpooling | undefined;
  keep: Keep | undefined;
  books: Pick<Books, "acceptedBatch" | "settledBatch">;
  eventLog: Pick<EventLog, "left">;
  waitFor: WaitFor;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

/** A batch that was taken, until the last of its events is settled. */
interface Taken {
  readonly batch: Batch;
  readonly events: EventsByType;
  readonly start: number;
  /** Of the watch no more: what else hangs on it, the request among it, would stay as long as the events. */
  settled: Watch<SettledBatch>["settled"] | undefined;
  /** In no memory: of what the disk does not take then nobody else will tell. */
  alone: boolean;
  /** Undefined while nobody waits. */
  answer: ((outcome: SettledBatch) => void) | undefined;
}

/** Batches: either their poster waits, or they are promised. */
export function createPublishMany(options: PublishManyOptions): PublishMany {
  const { producer, spooling, keep, books, eventLog, waitFor, now } = options;

  function settle({ batch, events, start, settled, alone, answer }: Taken, json: Uint8Array | undefined) {
    books.settledBatch(batch, events, start, json !== undefined, answer === undefined);
    if (alone || (answer === undefined && settled === undefined)) return;
    const outcome: SettledBatch = json === undefined ? receiptsOf(batch) : { status: "delivered", json };
    answer?.(outcome);
    settled?.(outcome);
  }

  function confirm(taken: Taken, wait: number, caller?: Caller): Promise<SettledBatch> {
    const { batch, start } = taken;
    const waiting = waitFor<SettledBatch>(start, wait, caller, (why) => {
      taken.answer = undefined;
      if (why === "late") return receiptsOf(batch, wait);
      eventLog.left(now() - start, { first_event_id: batch.ids[0], ...statesOf(batch) });
      return { status: "left", error: LEFT };
    });
    taken.answer = waiting.answer;
    return keep === undefined
      ? waiting.promise
      : waiting.promise.then((outcome) => keptIfLate(keep, taken, outcome));
  }

  return (body, framing, wait, caller, watch) => {
    const start = now();
    const promised = wait === "no";
    const unusable = promised ? spooling?.required() : undefined;
    if (unusable) return { status: "refused", error: unusable };
    const settled: SettleBatch = (json) => settle(taken, json);
    let batch = producer.sendBatch(body, framing, !promised, settled);
    if (makesRoom(spooling, batch)) batch = producer.sendBatch(body, framing, !promised, settled);
    if (!("size" in batch)) return { status: "refused", error: batch };
    const events = books.acceptedBatch(batch);
    const taken: Taken = {
      batch,
      events,
      start,
      settled: watch?.settled,
      alone: false,
      answer: undefined,
    };
    if (batch.size === 0) return [];
    watch?.taken(batch.ids);
    taken.alone = spooling?.writing === true && producer.wentToDisk();
    if (spooling?.writing && (promised || taken.alone)) return store(taken, spooling);
    if (promised) return batch.ids.map((id): Accepted => ({ status: "accepted", id }));
    return confirm(taken, wait, caller);
  };
}

async function keptIfLate(keep: Keep, taken: Taken, outcome: SettledBatch): Promise<SettledBatch> {
  const late = Array.isArray(outcome) ? outcome.filter(isLate).map(({ id }) => id) : [];
  if (!Array.isArray(outcome) || late.length === 0 || !(await keep(late))) return outcome;
  const kept = outcome.map((receipt): Receipt =>
    isLate(receipt) ? { status: "stored", id: receipt.id } : receipt,
  );
  if (kept.every(({ status }) => status !== "failed")) taken.settled = undefined;
  return kept;
}

async function store(taken: Taken, spooling: PublishSpooling): Promise<BatchOutcome> {
  const error = await spooling.stored();
  const { batch, alone, settled } = taken;
  if (error === undefined) {
    taken.settled = undefined;
    return batch.ids.map((id): Receipt => ({ status: "stored", id }));
  }
  const failed = batch.ids.map((id) => notStored(id, error, alone));
  if (alone) settled?.(failed);
  return failed;
}

/** `wait`: how long was waited for what is still on its way. */
function receiptsOf(batch: Batch, wait = 0): Receipt[] {
  return batch.ids.map((id, index) => {
    const delivery = batch.deliveryAt(index);
    return delivery === undefined ? unconfirmed(id, wait) : toReceipt(id, delivery);
  });
}

/** How many events of a batch are where. */
function statesOf(batch: Batch) {
  const states = { delivered: 0, failed: 0, stored: 0, queued: 0 };
  for (const [index, id] of batch.ids.entries()) {
    const delivery = batch.deliveryAt(index);
    states[delivery === undefined ? "queued" : toReceipt(id, delivery).status]++;
  }
  return states;
}
