import { type ErrorCode, type Failure, failure } from "../domain/errors.ts";
import type { EventType } from "../domain/event.ts";
import type { Batch, Framing, Producer, Settle, SettleBatch } from "../domain/ports.ts";
import type { Accepted, Failed, Receipt, Refused } from "../domain/receipt.ts";
import { createBooks, toReceipt } from "./books.ts";
import type { EventLog } from "./eventlog.ts";
import type { Spooling } from "./spooling.ts";
import type { Tally } from "./tally.ts";
import { type Caller, createWaitingRoom } from "./waiting.ts";

/** What the caller waits for: Kafka's confirmation for so many milliseconds, or nothing. */
export type Wait = number | "no";

export interface Publisher {
  /**
   * Publishes the one event that a body is. Nobody waits any longer when `caller` has left. `watch` is told of what was
   * taken, and once what became of it: not of an event that is on disk alone, which may be the next process's.
   */
  one(
    body: Uint8Array,
    type: EventType,
    wait: Wait,
    caller?: Caller,
    watch?: Watch<Receipt>,
  ): Receipt | Refused | Promise<Receipt>;
  /** Publishes all events of a body or none; the receipts are in the body's order. The rest as above. */
  many(
    body: Uint8Array,
    framing: Framing,
    wait: Wait,
    caller?: Caller,
    watch?: Watch<BatchOutcome>,
  ): BatchOutcome | Promise<BatchOutcome>;
}

/** Who wants to know more of a post than its answer. */
export interface Watch<Outcome> {
  /** The ids, in the turn of the event loop in which the events were taken. */
  taken(ids: readonly string[]): void;
  /** The last word on what was taken, which may come long after an answer that did not wait for it. */
  settled(outcome: Outcome): void;
}

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
  producer: Pick<Producer, "send" | "sendBatch" | "wentToDisk">;
  /** Undefined where there is no disk. */
  spooling?: Pick<Spooling, "writing" | "required" | "begin" | "stored" | "keep"> | undefined;
  types: readonly EventType[];
  tally: Tally;
  eventLog: EventLog;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** Brings events to the producer, and keeps the books on what became of those that it took. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { producer, spooling, types, tally, eventLog, now = () => performance.now() } = options;
  const books = createBooks({ types, tally, eventLog, now });
  const waitFor = createWaitingRoom(now);

  function bookOne(type: EventType, receipt: Receipt, start: number, promised: boolean, key: string | null) {
    if (receipt.status === "delivered") books.delivered(type, start, 1, () => receipt);
    else if (receipt.status === "failed") books.failed(type, receipt, start, promised, key);
  }

  const settleOne =
    (type: EventType, watch?: Watch<Receipt>): Settle =>
    (delivery, id, key, start) => {
      const receipt = toReceipt(id, delivery);
      bookOne(type, receipt, start, true, key);
      watch?.settled(receipt);
    };

  /** A closure for each promised event took 870 bytes, garbage that it keeps the collector from seeing included: 2,130 instead of 1,260. */
  const settles = new Map(types.map((type) => [type, settleOne(type)]));

  /** What an event that is promised, and being written, is answered with. */
  async function storedOr<Answer>(
    stored: Promise<Failure | undefined>,
    taken: Answer,
    not: (error: Failure) => Answer,
  ) {
    const error = await stored;
    return error === undefined ? taken : not(error);
  }

  /** Where memory is full, the disk may have room. */
  function takeOr<Taken>(take: () => Taken | Failure): Taken | Failure {
    const taken = take();
    const full =
      typeof taken === "object" && taken !== null && "code" in taken && taken.code === "admission-closed";
    return full && spooling?.begin("memory is full") ? take() : taken;
  }

  function one(
    body: Uint8Array,
    type: EventType,
    wait: Wait,
    caller?: Caller,
    watch?: Watch<Receipt>,
  ): Receipt | Refused | Promise<Receipt> {
    const start = now();
    if (wait === "no") return promiseOne(body, type, start, watch);
    let answer: ((receipt: Receipt) => void) | undefined;
    const settle: Settle = (delivery, sentId, key) => {
      const receipt = toReceipt(sentId, delivery);
      bookOne(type, receipt, start, answer === undefined, key);
      answer?.(receipt);
      watch?.settled(receipt);
    };
    const id = takeOr(() => producer.send(body, type, false, settle, start));
    if (typeof id !== "string") return { status: "refused", error: id };
    books.accepted(type);
    watch?.taken([id]);
    if (spooling?.writing && producer.wentToDisk()) return storedOne(id, spooling, true, watch);
    const waiting = waitFor<Receipt>(start, wait, caller, (why) => {
      answer = undefined;
      if (why === "late") return unconfirmed(id, wait);
      eventLog.left(now() - start, { event_id: id, event_type: type.type, state: "queued" });
      return { status: "failed", id, error: LEFT };
    });
    ({ answer } = waiting);
    return spooling === undefined ? waiting.promise : waiting.promise.then(keptIfLate);
  }

  function promiseOne(
    body: Uint8Array,
    type: EventType,
    start: number,
    watch?: Watch<Receipt>,
  ): Receipt | Refused | Promise<Receipt> {
    const unusable = spooling?.required();
    if (unusable) return { status: "refused", error: unusable };
    const settle = watch === undefined ? settles.get(type)! : settleOne(type, watch);
    const id = takeOr(() => producer.send(body, type, true, settle, start));
    if (typeof id !== "string") return { status: "refused", error: id };
    books.accepted(type);
    watch?.taken([id]);
    if (!spooling?.writing) return { status: "accepted", id };
    return storedOne(id, spooling, producer.wentToDisk(), watch);
  }

  /** `alone`: the event is in no memory. */
  function storedOne(
    id: string,
    { stored }: Pick<Spooling, "stored">,
    alone: boolean,
    watch?: Watch<Receipt>,
  ): Promise<Receipt> {
    return storedOr<Receipt>(stored(), { status: "stored", id }, (error) =>
      toldOf(watch, notStored(id, error, alone), alone),
    );
  }

  /** What Kafka did not confirm in time is written to disk, where there is one. */
  async function keptIfLate(receipt: Receipt): Promise<Receipt> {
    if (!isLate(receipt)) return receipt;
    const error = await spooling?.keep();
    return error === undefined ? { status: "stored", id: receipt.id } : receipt;
  }

  function many(
    body: Uint8Array,
    framing: Framing,
    wait: Wait,
    caller?: Caller,
    watch?: Watch<BatchOutcome>,
  ): BatchOutcome | Promise<BatchOutcome> {
    const start = now();
    const promised = wait === "no";
    const unusable = promised ? spooling?.required() : undefined;
    if (unusable) return { status: "refused", error: unusable };
    let answer: ((outcome: BatchOutcome) => void) | undefined;
    // In no memory: of what the disk does not take then nobody else will tell.
    let alone = false;
    const settle: SettleBatch = (json) => {
      const done = batch as Batch;
      books.settledBatch(done, events, start, json !== undefined, answer === undefined);
      if (alone || (answer === undefined && watch === undefined)) return;
      const outcome: BatchOutcome = json === undefined ? receiptsOf(done) : { status: "delivered", json };
      answer?.(outcome);
      watch?.settled(outcome);
    };
    const batch = takeOr(() => producer.sendBatch(body, framing, !promised, settle));
    if (!("size" in batch)) return { status: "refused", error: batch };
    const events = books.acceptedBatch(batch);
    if (batch.size === 0) return [];
    watch?.taken(batch.ids);
    alone = spooling?.writing === true && producer.wentToDisk();
    if (spooling?.writing && (promised || alone)) {
      const stored = batch.ids.map((id): Receipt => ({ status: "stored", id }));
      const failed = (error: Failure) => batch.ids.map((id) => notStored(id, error, alone));
      return storedOr<BatchOutcome>(spooling.stored(), stored, (error) =>
        toldOf(watch, failed(error), alone),
      );
    }
    if (promised) return batch.ids.map((id): Accepted => ({ status: "accepted", id }));
    const waiting = waitFor<BatchOutcome>(start, wait, caller, (why) => {
      answer = undefined;
      if (why === "late") return receiptsOf(batch, wait);
      eventLog.left(now() - start, { first_event_id: batch.ids[0], ...statesOf(batch) });
      return { status: "left", error: LEFT };
    });
    ({ answer } = waiting);
    return spooling === undefined ? waiting.promise : waiting.promise.then(allKeptIfLate);
  }

  async function allKeptIfLate(outcome: BatchOutcome): Promise<BatchOutcome> {
    if (!Array.isArray(outcome) || !outcome.some(isLate)) return outcome;
    const error = await spooling?.keep();
    if (error !== undefined) return outcome;
    return outcome.map((receipt) => (isLate(receipt) ? { status: "stored", id: receipt.id } : receipt));
  }

  return { one, many };
}

/** Tells the last word on what only the disk had, and did not take. */
function toldOf<Outcome>(watch: Watch<Outcome> | undefined, outcome: Outcome, alone: boolean): Outcome {
  if (alone) watch?.settled(outcome);
  return outcome;
}

/** What is in no memory, and surely not on disk, is nowhere. */
const notStored = (id: string, error: Failure, alone: boolean): Failed => ({
  status: "failed",
  id,
  error,
  nowhere: alone && error.unsure !== true,
});

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

/** For the counts of requests: there is nobody to read it. */
const LEFT = failure("client-left", "the client left before its answer; the log has where the events are");

const UNCONFIRMED: ErrorCode = "delivery-timeout";

const isLate = (receipt: Receipt): boolean =>
  receipt.status === "failed" && receipt.error.code === UNCONFIRMED;

function unconfirmed(id: string, wait: number): Failed {
  const detail =
    `Kafka did not confirm the event within ${wait} ms; it is still queued and may be delivered later, ` +
    "so a retry without the same Idempotency-Key can make a second record";
  return { status: "failed", id, error: failure(UNCONFIRMED, detail, { retryAfter: 1 }) };
}
