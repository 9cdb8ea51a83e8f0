import { type ErrorCode, failure } from "../domain/errors.ts";
import type { EventType } from "../domain/event.ts";
import type { Batch, Framing, Producer } from "../domain/ports.ts";
import type { Accepted, Failed, Receipt, Refused } from "../domain/receipt.ts";
import { createBooks, toReceipt } from "./books.ts";
import type { EventLog } from "./eventlog.ts";
import type { Tally } from "./tally.ts";

/** What the caller waits for: Kafka's confirmation for so many milliseconds, or nothing. */
export type Wait = number | "no";

export interface Publisher {
  /** Publishes the one event that a body is. */
  one(body: Uint8Array, type: EventType, wait: Wait): Receipt | Refused | Promise<Receipt>;
  /** Publishes all events of a body or none; the receipts are in the body's order. */
  many(body: Uint8Array, framing: Framing, wait: Wait): BatchOutcome | Promise<BatchOutcome>;
}

export type BatchOutcome = Receipt[] | AllDelivered | Refused;

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

/** Brings events to the producer, and keeps the books on what became of those that it took. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { producer, types, tally, eventLog, now = () => performance.now() } = options;
  const books = createBooks({ types, tally, eventLog, now });

  function one(body: Uint8Array, type: EventType, wait: Wait): Receipt | Refused | Promise<Receipt> {
    const start = now();
    let answer: ((receipt: Receipt) => void) | undefined;
    const id = producer.send(body, type, (delivery, sentId, key) => {
      const receipt = toReceipt(sentId, delivery);
      if (receipt.status === "delivered") books.delivered(type, start, 1, () => receipt);
      else books.failed(type, receipt, start, answer === undefined, key);
      answer?.(receipt);
    });
    if (typeof id !== "string") return { status: "refused", error: id };
    books.accepted(type);
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

  function many(body: Uint8Array, framing: Framing, wait: Wait): BatchOutcome | Promise<BatchOutcome> {
    const start = now();
    let answer: ((outcome: BatchOutcome) => void) | undefined;
    const batch = producer.sendBatch(body, framing, wait !== "no", (json) => {
      const settled = batch as Batch;
      books.settledBatch(settled, events, start, json !== undefined, answer === undefined);
      answer?.(json === undefined ? receiptsOf(settled) : { status: "delivered", json });
    });
    if (!("size" in batch)) return { status: "refused", error: batch };
    const events = books.acceptedBatch(batch);
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

  return { one, many };
}

/** `wait`: how long was waited for what is still on its way. */
function receiptsOf(batch: Batch, wait = 0): Receipt[] {
  return batch.ids.map((id, index) => {
    const delivery = batch.deliveryAt(index);
    return delivery === undefined ? unconfirmed(id, wait) : toReceipt(id, delivery);
  });
}

const UNCONFIRMED: ErrorCode = "delivery-timeout";

function unconfirmed(id: string, wait: number): Failed {
  const detail =
    `Kafka did not confirm the event within ${wait} ms; it is still queued and may be delivered later, ` +
    "so a retry can make a second record";
  return { status: "failed", id, error: failure(UNCONFIRMED, detail, { retryAfter: 1 }) };
}
