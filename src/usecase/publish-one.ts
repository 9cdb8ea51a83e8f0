import type { Failure } from "../domain/errors.ts";
import type { EventType } from "../domain/event.ts";
import type { Producer, Settle } from "../domain/ports.ts";
import type { Receipt, Refused } from "../domain/receipt.ts";
import { type Books, toReceipt } from "./books.ts";
import type { EventLog } from "./eventlog.ts";
import { type Keep, makesRoom, notStored, onceStored, type PublishSpooling } from "./on-disk.ts";
import { isLate, LEFT, unconfirmed, type Wait, type Watch } from "./post-outcome.ts";
import type { Caller, WaitFor } from "./waiting.ts";

/**
 * Publishes the one event that a body is. Nobody waits any longer when `caller` has left. `watch` is told of what was
 * taken, and once what became of it: not of an event that is on disk alone, which may be the next process's.
 */
export type PublishOne = (
  body: Uint8Array,
  type: EventType,
  wait: Wait,
  caller?: Caller,
  watch?: Watch<Receipt>,
) => Receipt | Refused | Promise<Receipt>;

export interface PublishOneOptions {
  producer: Pick<Producer, "send" | "wentToDisk">;
  spooling: PublishSpooling | undefined;
  keep: Keep | undefined;
  types: readonly EventType[];
  books: Pick<Books, "accepted" | "settled">;
  eventLog: Pick<EventLog, "left">;
  waitFor: WaitFor;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

/** Events posted one by one: either their poster waits, or they are promised. */
export function createPublishOne(options: PublishOneOptions): PublishOne {
  const { producer, spooling, keep, types, books, eventLog, waitFor, now } = options;

  const settlePromised =
    (type: EventType, watch?: Watch<Receipt>): Settle =>
    (delivery, id, key, start) => {
      const receipt = toReceipt(id, delivery);
      books.settled(type, receipt, start, true, key);
      watch?.settled(receipt);
    };

  /** A closure for each promised event took 870 bytes, garbage that it keeps the collector from seeing included: 2,130 instead of 1,260. */
  const settles = new Map(types.map((type) => [type, settlePromised(type)]));

  function promise(
    body: Uint8Array,
    type: EventType,
    watch?: Watch<Receipt>,
  ): Receipt | Refused | Promise<Receipt> {
    const start = now();
    const unusable = spooling?.required();
    if (unusable) return { status: "refused", error: unusable };
    const settle = watch === undefined ? settles.get(type)! : settlePromised(type, watch);
    const id = take(body, type, true, settle, start, watch);
    if (typeof id !== "string") return { status: "refused", error: id };
    if (!spooling?.writing) return { status: "accepted", id };
    return store(id, spooling, producer.wentToDisk(), watch);
  }

  function confirm(
    body: Uint8Array,
    type: EventType,
    wait: number,
    caller?: Caller,
    watch?: Watch<Receipt>,
  ): Refused | Promise<Receipt> {
    const start = now();
    let answer: ((receipt: Receipt) => void) | undefined;
    const settle: Settle = (delivery, sentId, key) => {
      const receipt = toReceipt(sentId, delivery);
      books.settled(type, receipt, start, answer === undefined, key);
      answer?.(receipt);
      watch?.settled(receipt);
    };
    const id = take(body, type, false, settle, start, watch);
    if (typeof id !== "string") return { status: "refused", error: id };
    if (spooling?.writing && producer.wentToDisk()) return store(id, spooling, true, watch);
    const waiting = waitFor<Receipt>(start, wait, caller, (why) => {
      answer = undefined;
      if (why === "late") return unconfirmed(id, wait);
      eventLog.left(now() - start, { event_id: id, event_type: type.type, state: "queued" });
      return { status: "failed", id, error: LEFT };
    });
    ({ answer } = waiting);
    return keep === undefined
      ? waiting.promise
      : waiting.promise.then((receipt) => keptIfLate(keep, receipt));
  }

  function take(
    body: Uint8Array,
    type: EventType,
    promised: boolean,
    settle: Settle,
    start: number,
    watch: Watch<Receipt> | undefined,
  ): string | Failure {
    let id = producer.send(body, type, promised, settle, start);
    if (makesRoom(spooling, id)) id = producer.send(body, type, promised, settle, start);
    if (typeof id !== "string") return id;
    books.accepted(type);
    watch?.taken([id]);
    return id;
  }

  return (body, type, wait, caller, watch) =>
    wait === "no" ? promise(body, type, watch) : confirm(body, type, wait, caller, watch);
}

async function keptIfLate(keep: Keep, receipt: Receipt): Promise<Receipt> {
  if (!isLate(receipt)) return receipt;
  return (await keep([receipt.id])) ? { status: "stored", id: receipt.id } : receipt;
}

/** `alone`: the event is in no memory. */
function store(
  id: string,
  spooling: PublishSpooling,
  alone: boolean,
  watch: Watch<Receipt> | undefined,
): Promise<Receipt> {
  const failed = (error: Failure) => notStored(id, error, alone);
  return onceStored<Receipt>(spooling, { status: "stored", id }, failed, alone ? watch : undefined);
}
