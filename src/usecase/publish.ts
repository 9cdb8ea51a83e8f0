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
  many(body: Uint8Array, framing: Framing, wait: Wait): BatchOutcome | Refused | Promise<BatchOutcome>;
}

export type BatchOutcome = Receipt[] | AllDelivered;

/** Every event of a batch is in Kafka; `json` is `Receipts`, rendered. */
export interface AllDelivered {
  status: "delivered";
  json: Uint8Array;
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

/** Brings events to the producer, and keeps the books on what became of those that it took. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { producer, types, tally, eventLog, now = () => performance.now() } = options;
  const books = new Map<EventType, Books>(
    types.map((type) => [type, { tally: tally.type(type.type), log: eventLog.type(type.type) }]),
  );
  const booksOf = (type: EventType): Books => books.get(type)!;

  function bookDelivered(type: EventType, start: number, count: number, receiptAt: (i: number) => Delivered) {
    const { tally: counts, log } = booksOf(type);
    const end = now();
    tally.published(counts, start, end, count);
    log.published(end - start, count, receiptAt);
  }

  /** `promised`: whether the poster was told that the event is on its way. Then it is lost, and nobody else will say so. */
  function bookFailed(
    type: EventType,
    receipt: Failed,
    start: number,
    promised: boolean,
    key?: string | null,
  ) {
    const { tally: counts, log } = booksOf(type);
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

  function one(body: Uint8Array, type: EventType, wait: Wait): Receipt | Refused | Promise<Receipt> {
    const start = now();
    let answer: ((receipt: Receipt) => void) | undefined;
    const id = producer.send(body, type, (delivery, sentId, key) => {
      const receipt = toReceipt(sentId, delivery);
      if (receipt.status === "delivered") bookDelivered(type, start, 1, () => receipt);
      else bookFailed(type, receipt, start, answer === undefined, key);
      answer?.(receipt);
    });
    if (typeof id !== "string") return { status: "refused", error: id };
    tally.accepted(booksOf(type).tally);
    if (wait === "no") return { status: "accepted", id };
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        answer = undefined;
        resolve(unconfirmed(id, wait));
      }, wait);
      answer = (receipt) => {
        clearTimeout(timer);
        resolve(receipt);
      };
    });
  }

  function many(
    body: Uint8Array,
    framing: Framing,
    wait: Wait,
  ): BatchOutcome | Refused | Promise<BatchOutcome> {
    const start = now();
    let answer: ((outcome: BatchOutcome) => void) | undefined;
    const batch = producer.sendBatch(body, framing, wait !== "no", (json) => {
      const settled = batch as Batch;
      bookBatch(settled, indexes, start, json !== undefined, answer === undefined);
      answer?.(json === undefined ? receiptsOf(settled) : { status: "delivered", json });
    });
    if (!("size" in batch)) return { status: "refused", error: batch };
    const indexes = indexesByType(batch);
    for (const [type, { length }] of indexes) tally.accepted(booksOf(type).tally, length);
    if (wait === "no") return batch.ids.map((id): Accepted => ({ status: "accepted", id }));
    if (batch.size === 0) return [];
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        answer = undefined;
        resolve(receiptsOf(batch, wait));
      }, wait);
      answer = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
    });
  }

  /** Counts what was delivered with one call a type; failures are rare, and go one by one. */
  function bookBatch(
    batch: Batch,
    byType: Map<EventType, number[]>,
    start: number,
    allDelivered: boolean,
    promised: boolean,
  ): void {
    for (const [type, indexes] of byType) {
      const receiptAt = (index: number) => toReceipt(batch.ids[index]!, batch.deliveryAt(index)!);
      const { delivered = [], failed = [] } = allDelivered
        ? { delivered: indexes }
        : Object.groupBy(indexes, (index) => receiptAt(index).status);
      for (const index of failed) bookFailed(type, receiptAt(index) as Failed, start, promised);
      if (delivered.length === 0) continue;
      bookDelivered(type, start, delivered.length, (i) => receiptAt(delivered[i]!) as Delivered);
    }
  }

  return { one, many };
}

function indexesByType(batch: Batch): Map<EventType, number[]> {
  const indexes = new Map<EventType, number[]>();
  for (let index = 0; index < batch.size; index++) {
    const type = batch.typeAt(index);
    const known = indexes.get(type);
    if (known) known.push(index);
    else indexes.set(type, [index]);
  }
  return indexes;
}

/** `wait`: how long was waited for what is still on its way. */
function receiptsOf(batch: Batch, wait = 0): Receipt[] {
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
