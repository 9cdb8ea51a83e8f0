import type { EventType } from "../domain/event.ts";
import type { Posted, Producer } from "../domain/ports.ts";
import type { Receipt, Refused } from "../domain/receipt.ts";
import { type Books, toReceipt } from "./books.ts";
import type { EventLog } from "./eventlog.ts";
import { type Keep, makesRoom, notStored, type PublishSpooling } from "./on-disk.ts";
import { isLate, LEFT, unconfirmed, type Wait, type Watch } from "./post-outcome.ts";
import type { Caller, WaitFor } from "./waiting.ts";

/**
 * Publishes the one event that a body is. Nobody waits any longer when `caller` has left. `watch` is told of what was
 * taken, and once what became of it: not of an event that was answered `stored`.
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

/** An event until it is settled. */
interface Post extends Posted<Post> {
  readonly start: number;
  /** Undefined while nobody waits. */
  answer: ((receipt: Receipt) => void) | undefined;
  /** Of the watch no more: what else hangs on it, the request among it, would stay as long as the event. */
  settled: Watch<Receipt>["settled"] | undefined;
}

/** Events posted one by one: either their poster waits, or they are promised. */
export function createPublishOne(options: PublishOneOptions): PublishOne {
  const { producer, spooling, keep, types, books, eventLog, waitFor, now } = options;

  const settleOf =
    (type: EventType): Post["settle"] =>
    (post, delivery, key) => {
      const receipt = toReceipt(post.id, delivery);
      books.settled(type, receipt, post.start, post.answer === undefined, key);
      post.answer?.(receipt);
      post.settled?.(receipt);
    };

  /** A closure for each event took 870 bytes, garbage that it keeps the collector from seeing included: 2,130 instead of 1,260. */
  const settles = new Map(types.map((type) => [type, settleOf(type)]));

  function promise(
    body: Uint8Array,
    type: EventType,
    watch?: Watch<Receipt>,
  ): Receipt | Refused | Promise<Receipt> {
    const post = open(type, watch?.settled);
    const unusable = spooling?.required();
    if (unusable) return { status: "refused", error: unusable };
    const refused = take(body, type, true, post, watch);
    if (refused) return refused;
    if (!spooling?.writing) return { status: "accepted", id: post.id };
    return store(post, spooling, producer.wentToDisk());
  }

  function confirm(
    body: Uint8Array,
    type: EventType,
    wait: number,
    caller?: Caller,
    watch?: Watch<Receipt>,
  ): Refused | Promise<Receipt> {
    const post = open(type, watch?.settled);
    const refused = take(body, type, false, post, watch);
    if (refused) return refused;
    if (spooling?.writing && producer.wentToDisk()) return store(post, spooling, true);
    const { id, start } = post;
    const waiting = waitFor<Receipt>(start, wait, caller, (why) => {
      post.answer = undefined;
      if (why === "late") return unconfirmed(id, wait);
      eventLog.left(now() - start, { event_id: id, event_type: type.type, state: "queued" });
      return { status: "failed", id, error: LEFT };
    });
    post.answer = waiting.answer;
    return keep === undefined
      ? waiting.promise
      : waiting.promise.then((receipt) => keptIfLate(keep, post, receipt));
  }

  const open = (type: EventType, settled: Post["settled"]): Post => ({
    id: "",
    settle: settles.get(type)!,
    start: now(),
    answer: undefined,
    settled,
  });

  /** Undefined where the event was taken. */
  function take(
    body: Uint8Array,
    type: EventType,
    promised: boolean,
    post: Post,
    watch: Watch<Receipt> | undefined,
  ): Refused | undefined {
    let id = producer.send(body, type, promised, post);
    if (makesRoom(spooling, id)) id = producer.send(body, type, promised, post);
    if (typeof id !== "string") return { status: "refused", error: id };
    books.accepted(type);
    watch?.taken([id]);
    return undefined;
  }

  return (body, type, wait, caller, watch) =>
    wait === "no" ? promise(body, type, watch) : confirm(body, type, wait, caller, watch);
}

async function keptIfLate(keep: Keep, post: Post, receipt: Receipt): Promise<Receipt> {
  if (!isLate(receipt) || !(await keep([receipt.id]))) return receipt;
  post.settled = undefined;
  return { status: "stored", id: receipt.id };
}

/** `alone`: the event is in no memory: of what the disk does not take then nobody else will tell. */
async function store(post: Post, spooling: PublishSpooling, alone: boolean): Promise<Receipt> {
  const error = await spooling.stored();
  const { id, settled } = post;
  if (error === undefined) {
    post.settled = undefined;
    return { status: "stored", id };
  }
  const failed = notStored(id, error, alone);
  if (alone) settled?.(failed);
  return failed;
}
