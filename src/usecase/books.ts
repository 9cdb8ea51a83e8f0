import type { EventType } from "../domain/event.ts";
import type { Batch, Delivery } from "../domain/ports.ts";
import type { Delivered, Failed, Receipt, Stored } from "../domain/receipt.ts";
import type { EventLog, TypeLog } from "./eventlog.ts";
import type { Tally, TypeTally } from "./tally.ts";

/** The counts and the log lines of what was taken. Times are milliseconds of `now`. */
export interface Books {
  accepted(type: EventType): void;
  /** Counts the events of a batch as accepted, and returns them by type for `settledBatch`. */
  acceptedBatch(batch: Batch): EventsByType;
  /** Books what became of one event; one that is stored is left to who settles it. `promised` as below. */
  settled(type: EventType, receipt: Receipt, start: number, promised: boolean, key: string | null): void;
  /** `promised`: whether the poster was told that the event is on its way. Then it is lost, and nobody else will say so. */
  failed(type: EventType, receipt: Failed, start: number, promised: boolean, key?: string | null): void;
  /** Books what became of each event of a settled batch; `all`: every one of them was delivered. */
  settledBatch(batch: Batch, events: EventsByType, start: number, all: boolean, promised: boolean): void;
}

/** The indexes of a batch's events of each type. */
export type EventsByType = ReadonlyMap<EventType, readonly number[]>;

export interface BooksOptions {
  types: readonly EventType[];
  tally: Tally;
  eventLog: EventLog;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

/** Keeps the books on `types`. */
export function createBooks({ types, tally, eventLog, now }: BooksOptions): Books {
  const pages = new Map<EventType, { counts: TypeTally; log: TypeLog }>(
    types.map((type) => [type, { counts: tally.type(type.type), log: eventLog.type(type.type) }]),
  );

  function delivered(type: EventType, start: number, count: number, receiptAt: (i: number) => Delivered) {
    const { counts, log } = pages.get(type)!;
    const end = now();
    tally.published(counts, start, end, count);
    log.published(end - start, count, receiptAt);
  }

  function failed(type: EventType, receipt: Failed, start: number, promised: boolean, key?: string | null) {
    const { counts, log } = pages.get(type)!;
    const { id, error } = receipt;
    const end = now();
    tally.failed(counts, error.code, end);
    if (promised || error.code === "delivery-abandoned") {
      tally.lost(1);
      eventLog.lost({ id, type: type.type, topic: type.topic, key }, error);
    } else {
      log.failed(end - start, error.code, 1, () => receipt);
    }
  }

  return {
    accepted: (type) => tally.accepted(pages.get(type)!.counts),
    acceptedBatch(batch) {
      const events = indexesByType(batch);
      for (const [type, { length }] of events) tally.accepted(pages.get(type)!.counts, length);
      return events;
    },
    settled(type, receipt, start, promised, key) {
      if (receipt.status === "delivered") delivered(type, start, 1, () => receipt);
      else if (receipt.status === "failed") failed(type, receipt, start, promised, key);
    },
    failed,
    // What was delivered is counted with one call a type; failures are rare, and go one by one.
    settledBatch(batch, events, start, all, promised) {
      for (const [type, indexes] of events) {
        const receiptAt = (index: number) => toReceipt(batch.ids[index]!, batch.deliveryAt(index)!);
        const { delivered: there = [], failed: nowhere = [] } = all
          ? { delivered: indexes }
          : Object.groupBy(indexes, (index) => receiptAt(index).status);
        for (const index of nowhere) failed(type, receiptAt(index) as Failed, start, promised);
        if (there.length === 0) continue;
        delivered(type, start, there.length, (i) => receiptAt(there[i]!) as Delivered);
      }
    },
  };
}

/** The event's receipt, once it is settled. */
export function toReceipt(id: string, delivery: Delivery): Delivered | Failed | Stored {
  if ("stored" in delivery) return { status: "stored", id };
  if ("error" in delivery) return { status: "failed", id, ...delivery };
  const { topic, partition, offset, timestamp } = delivery;
  return { status: "delivered", id, topic, partition, offset, timestamp };
}

function indexesByType(batch: Batch): EventsByType {
  const indexes = new Map<EventType, number[]>();
  for (let index = 0; index < batch.size; index++) {
    const type = batch.typeAt(index);
    const known = indexes.get(type);
    if (known) known.push(index);
    else indexes.set(type, [index]);
  }
  return indexes;
}
