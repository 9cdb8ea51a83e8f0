import { type ErrorCode, failure } from "../domain/errors.ts";
import type { EventType } from "../domain/event.ts";
import type { Batch, Delivery, Framing, Producer } from "../domain/ports.ts";
import type { Accepted, Delivered, Failed, Receipt, Refused } from "../domain/receipt.ts";
import type { EventLog, TypeLog } from "./eventlog.ts";
import type { Tally, TypeTally } from "./tally.ts";

/** What the caller waits for: Kafka's confirmation for so many milliseconds, or nothing. */
export type Wait = number | "no";

export interface Publisher {
  /** Publishes the one event that a body is. */
  one(body: Uint8Array, type: EventType, wait: Wait): Receipt | Refused | Promise<Receipt>;
  /** Publishes all events of a body or none; the receipts are in the body's order. */
  many(body: Uint8Array, framing: Framing, wait: Wait): Receipt[] | Refused | Promise<Receipt[]>;
}

export interface PublisherOptions {
  producer: Pick<Producer, "send" | "sendBatch">;
  types: readonly EventType[];
  tally: Tally;
  eventLog: EventLog;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

interface Books {
  tally: TypeTally;
  log: TypeLog;
}

/** Brings events to the producer, and keeps the books on what became of them. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { producer, types, tally, eventLog, now = () => performance.now() } = options;
  const books = new Map<EventType, Books>(
    types.map((type) => [type, { tally: tally.type(type.type), log: eventLog.type(type.type) }]),
  );
  const booksOf = (type: EventType): Books => books.get(type)!;

  function refuse(error: Refused["error"], type?: EventType): Refused {
    tally.rejected(error.code, type && booksOf(type).tally);
    eventLog.rejected(error, type && { event_type: type.type });
    return { status: "refused", error };
  }

  function book(type: EventType, receipt: Delivered | Failed, key: string | null, start: number): void {
    const { tally: counts, log } = booksOf(type);
    const end = now();
    if (receipt.status === "delivered") {
      tally.published(counts, start, end);
      log.published(end - start, 1, () => receipt);
      return;
    }
    tally.failed(counts, receipt.error.code, end);
    if (receipt.error.code === "delivery-abandoned") {
      tally.lost(1);
      eventLog.lost({ id: receipt.id, type: type.type, topic: type.topic, key }, receipt.error);
    } else {
      log.failed(end - start, receipt.error.code, 1, () => receipt);
    }
  }

  function one(body: Uint8Array, type: EventType, wait: Wait): Receipt | Refused | Promise<Receipt> {
    const start = now();
    let answer: ((receipt: Receipt) => void) | undefined;
    const id = producer.send(body, type, (delivery, sentId, key) => {
      const receipt = toReceipt(sentId, delivery);
      book(type, receipt, key, start);
      answer?.(receipt);
    });
    if (typeof id !== "string") return refuse(id, type);
    tally.accepted(booksOf(type).tally);
    if (wait === "no") return { status: "accepted", id };
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(unconfirmed(id, wait)), wait);
      answer = (receipt) => {
        clearTimeout(timer);
        resolve(receipt);
      };
    });
  }

  function many(body: Uint8Array, framing: Framing, wait: Wait): Receipt[] | Refused | Promise<Receipt[]> {
    const start = now();
    let answer: (() => void) | undefined;
    const batch = producer.sendBatch(body, framing, () => {
      bookBatch(batch as Batch, start);
      answer?.();
    });
    if (!("ids" in batch)) return refuse(batch);
    for (const [type, count] of countTypes(batch)) tally.accepted(booksOf(type).tally, count);
    if (wait === "no") return batch.ids.map((id): Accepted => ({ status: "accepted", id }));
    if (batch.ids.length === 0) return [];
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(receiptsOf(batch, wait)), wait);
      answer = () => {
        clearTimeout(timer);
        resolve(receiptsOf(batch, wait));
      };
    });
  }

  /** Counts what was delivered with one call a type; failures are rare, and go one by one. */
  function bookBatch(batch: Batch, start: number): void {
    const delivered = new Map<EventType, number[]>();
    for (let index = 0; index < batch.ids.length; index++) {
      const type = batch.typeAt(index);
      const receipt = toReceipt(batch.ids[index]!, batch.deliveryAt(index)!);
      if (receipt.status === "failed") book(type, receipt, null, start);
      else if (delivered.get(type)?.push(index) === undefined) delivered.set(type, [index]);
    }
    const end = now();
    for (const [type, indexes] of delivered) {
      const { tally: counts, log } = booksOf(type);
      tally.published(counts, start, end, indexes.length);
      log.published(end - start, indexes.length, (i) => {
        const index = indexes[i]!;
        return toReceipt(batch.ids[index]!, batch.deliveryAt(index)!) as Delivered;
      });
    }
  }

  return { one, many };
}

function countTypes(batch: Batch): Map<EventType, number> {
  const counts = new Map<EventType, number>();
  for (let index = 0; index < batch.ids.length; index++) {
    const type = batch.typeAt(index);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

function receiptsOf(batch: Batch, wait: number): Receipt[] {
  return batch.ids.map((id, index) => {
    const delivery = batch.deliveryAt(index);
    return delivery === undefined ? unconfirmed(id, wait) : toReceipt(id, delivery);
  });
}

function toReceipt(id: string, delivery: Delivery): Delivered | Failed {
  if ("error" in delivery) return { status: "failed", id, error: delivery.error };
  const { topic, partition, offset, timestamp } = delivery;
  return { status: "delivered", id, topic, partition, offset, timestamp };
}

const UNCONFIRMED: ErrorCode = "delivery-timeout";

function unconfirmed(id: string, wait: number): Failed {
  const detail =
    `Kafka did not confirm the event within ${wait} ms; it is still queued and may be delivered later, ` +
    "so a retry can make a second record";
  return { status: "failed", id, error: failure(UNCONFIRMED, detail, { retryAfter: 1 }) };
}
