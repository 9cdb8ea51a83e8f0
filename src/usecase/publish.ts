import { type ErrorCode, type Failure, failure } from "../domain/errors.ts";
import type { EventType } from "../domain/event.ts";
import type { Batch, Delivery, Framing, Producer } from "../domain/ports.ts";
import type { Accepted, Delivered, Failed, Receipt, Refused } from "../domain/receipt.ts";
import type { EventLog, TypeLog } from "./eventlog.ts";
import type { Tally, TypeTally } from "./tally.ts";
import { type Caller, createWaitingRoom } from "./waiting.ts";

/** What the caller waits for: Kafka's confirmation for so many milliseconds, or nothing. */
export type Wait = number | "no";

export interface Publisher {
  /**
   * Publishes the one event that a body is. Nobody waits any longer when `caller` has left. `settled` is called once, with
   * what became of what was taken.
   */
  one(
    body: Uint8Array,
    type: EventType,
    wait: Wait,
    caller?: Caller,
    settled?: Settled<Receipt>,
  ): Receipt | Refused | Promise<Receipt>;
  /** Publishes all events of a body or none; the receipts are in the body's order. The rest as above. */
  many(
    body: Uint8Array,
    framing: Framing,
    wait: Wait,
    caller?: Caller,
    settled?: Settled<BatchOutcome>,
  ): BatchOutcome | Promise<BatchOutcome>;
}

/** Gets the last word on what was taken, which may come long after an answer that did not wait for it. */
export type Settled<Outcome> = (outcome: Outcome) => void;

export type BatchOutcome = Receipt[] | AllDelivered | Refused | Left;

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
  const waitFor = createWaitingRoom(now);
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

  function one(
    body: Uint8Array,
    type: EventType,
    wait: Wait,
    caller?: Caller,
    settled?: Settled<Receipt>,
  ): Receipt | Refused | Promise<Receipt> {
    const start = now();
    let answer: ((receipt: Receipt) => void) | undefined;
    const id = producer.send(body, type, (delivery, sentId, key) => {
      const receipt = toReceipt(sentId, delivery);
      if (receipt.status === "delivered") bookDelivered(type, start, 1, () => receipt);
      else bookFailed(type, receipt, start, answer === undefined, key);
      answer?.(receipt);
      settled?.(receipt);
    });
    if (typeof id !== "string") return { status: "refused", error: id };
    tally.accepted(booksOf(type).tally);
    if (wait === "no") return { status: "accepted", id };
    const waiting = waitFor<Receipt>(start, wait, caller, (why) => {
      answer = undefined;
      if (why === "late") return unconfirmed(id, wait);
      eventLog.left(now() - start, { event_id: id, event_type: type.type, state: "queued" });
      return { status: "failed", id, error: LEFT };
    });
    ({ answer } = waiting);
    return waiting.promise;
  }

  function many(
    body: Uint8Array,
    framing: Framing,
    wait: Wait,
    caller?: Caller,
    settled?: Settled<BatchOutcome>,
  ): BatchOutcome | Promise<BatchOutcome> {
    const start = now();
    let answer: ((outcome: BatchOutcome) => void) | undefined;
    const batch = producer.sendBatch(body, framing, wait !== "no", (json) => {
      const done = batch as Batch;
      bookBatch(done, indexes, start, json !== undefined, answer === undefined);
      if (answer === undefined && settled === undefined) return;
      const outcome: BatchOutcome = json === undefined ? receiptsOf(done) : { status: "delivered", json };
      answer?.(outcome);
      settled?.(outcome);
    });
    if (!("size" in batch)) return { status: "refused", error: batch };
    const indexes = indexesByType(batch);
    for (const [type, { length }] of indexes) tally.accepted(booksOf(type).tally, length);
    if (wait === "no") return batch.ids.map((id): Accepted => ({ status: "accepted", id }));
    if (batch.size === 0) return [];
    const waiting = waitFor<BatchOutcome>(start, wait, caller, (why) => {
      answer = undefined;
      if (why === "late") return receiptsOf(batch, wait);
      eventLog.left(now() - start, { first_event_id: batch.ids[0], ...statesOf(batch) });
      return { status: "left", error: LEFT };
    });
    ({ answer } = waiting);
    return waiting.promise;
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

/** How many events of a batch are where. */
function statesOf(batch: Batch) {
  const states = { delivered: 0, failed: 0, queued: 0 };
  for (let index = 0; index < batch.size; index++) {
    const delivery = batch.deliveryAt(index);
    states[delivery === undefined ? "queued" : "error" in delivery ? "failed" : "delivered"]++;
  }
  return states;
}

function toReceipt(id: string, delivery: Delivery): Delivered | Failed {
  if ("error" in delivery) return { status: "failed", id, error: delivery.error };
  const { topic, partition, offset, timestamp } = delivery;
  return { status: "delivered", id, topic, partition, offset, timestamp };
}

/** For the counts of requests: there is nobody to read it. */
const LEFT = failure("client-left", "the client left before its answer; the log has where the events are");

const UNCONFIRMED: ErrorCode = "delivery-timeout";

function unconfirmed(id: string, wait: number): Failed {
  const detail =
    `Kafka did not confirm the event within ${wait} ms; it is still queued and may be delivered later, ` +
    "so a retry without the same Idempotency-Key can make a second record";
  return { status: "failed", id, error: failure(UNCONFIRMED, detail, { retryAfter: 1 }) };
}
