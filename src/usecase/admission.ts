import { type Failure, failure } from "../domain/errors.ts";
import { QUEUE, type QueueFigures } from "../domain/ports.ts";
import { inMib } from "./budget.ts";
import { createRates, WINDOW_SECONDS } from "./rates.ts";

/**
 * Bounds the memory that events take: those on their way to Kafka, which the core counts, and the requests under way.
 * Each request is an {@link Entry} from before its body is read until it is answered.
 */
export interface Admission {
  enter(shape: BodyShape): Entry;
  /** Holds room for so many bytes more of the body, 0 for a body that says nothing of its size; or says why not. */
  hold(entry: Entry, bytes: number): Failure | undefined;
  /** The events are in the queue, and the body is freed: only the wait is left to hold. */
  taken(entry: Entry): void;
  leave(entry: Entry): void;
  /** The core's refusal of an entry's events for lack of room, with what is known of when there will be some. */
  refusal(entry: Entry): Failure;
  /** Whether more can be taken. Closes when nearly full, and opens when a fifth is free again. */
  isOpen(): boolean;
  status(): AdmissionStatus;
  /** To be called once a second: rates come of it. */
  sample(): void;
}

export type BodyShape = "event" | "batch";

/** What a request holds, in bytes. */
export interface Entry {
  readonly factor: number;
  held: number;
}

export interface AdmissionStatus {
  open: boolean;
  queuedRecords: number;
  queuedBytes: number;
  requestBytes: number;
  limitBytes: number;
  /** How long the room that is left lasts at the present intake, if Kafka took nothing. Infinite when nothing comes in. */
  secondsToFull: number;
}

export interface AdmissionOptions {
  /** Bytes. */
  limit: number;
  /** Events in the queue, beside that; a bound that only who sets it will meet. */
  maxRecords: number;
  queue: QueueFigures;
  kafkaDown: () => boolean;
  /** What the keys of posts take, in bytes: it counts as held, and nothing is refused for it where events can go to disk. */
  keys?: () => number;
  /** Whether events go to disk where memory has no room: then only requests are bounded here. */
  spills?: () => boolean;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** A request that waits for Kafka took 4.1 KB beside its event: connection, promises, timer (10,000 of them; Bun 1.4.5). */
const REQUEST_BYTES = 5 * 1024;

/**
 * What a byte of a body takes while it arrives and is read: 1.4 bytes (32 clients that post 4 MB each, and are refused). A
 * single event becomes a copy in the queue. A batch is read into tables and answered with a list: 270 to 530 bytes an
 * event, for a moment; for events of 24 bytes that is more than this, and the budget's reserve is for the rest.
 */
const FACTORS: Record<BodyShape, number> = { event: 3, batch: 8 };

/** With a disk behind memory events may hold so much of the budget, and requests the rest. */
export const EVENTS_SHARE = 0.75;
const REQUESTS_SHARE = 1 - EVENTS_SHARE;

const CLOSE_AT = 0.95;
const OPEN_AT = 0.8;

/** Seconds. Without an outflow to reckon with a client had better ask now and then. */
const BLIND_RETRY = 10;
const MAX_RETRY = 60;

/** Starts with nothing held. `queue` is the core's view, which this alone writes `requests` of. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { limit, maxRecords, queue, kafkaDown, keys = () => 0, spills = () => false } = options;
  let requests = 0;
  let open = true;
  let answered = 0;
  const rates = createRates(
    () => ({ taken: queue[QUEUE.left]! + queue[QUEUE.bytes]!, delivered: queue[QUEUE.left]!, answered }),
    options.now,
  );
  const used = () => queue[QUEUE.bytes]! + queue[QUEUE.requests]!;

  function add(entry: Entry, bytes: number): void {
    entry.held += bytes;
    requests += bytes;
    show();
  }

  /** For the core, which has its own bound. */
  function show(): void {
    queue[QUEUE.requests] = requests + keys();
  }

  const fits = (cost: number): boolean =>
    spills() ? requests + cost <= limit * REQUESTS_SHARE : used() + cost <= limit;

  function isOpen(): boolean {
    const fill = spills()
      ? requests / (limit * REQUESTS_SHARE)
      : Math.max(used() / limit, queue[QUEUE.records]! / maxRecords);
    open = open ? fill < CLOSE_AT : fill <= OPEN_AT;
    return open;
  }

  /** Seconds until `missing` bytes are free, and why so many. */
  function wait(missing: number): [seconds: number, reason: string] {
    const { delivered, answered: finished } = rates.read();
    const ofQueue = queue[QUEUE.bytes]! >= requests;
    if (ofQueue && kafkaDown()) return [BLIND_RETRY, "no Kafka broker is up"];
    const rate = ofQueue ? delivered : finished;
    if (rate <= 0) return [BLIND_RETRY, `nothing was freed in the last ${WINDOW_SECONDS} s`];
    const seconds = Math.min(MAX_RETRY, Math.max(1, Math.ceil(missing / rate)));
    return [seconds, `${inMib(rate)} a second are freed`];
  }

  function full(needed: number): Failure {
    isOpen();
    const [seconds, reason] = wait(used() + needed - limit);
    const detail =
      `no room for ${inMib(needed)} more: of ${inMib(limit)}, events on their way to Kafka hold ` +
      `${inMib(queue[QUEUE.bytes]!)} (${queue[QUEUE.records]} of at most ${maxRecords}) and requests under way and their keys ${inMib(queue[QUEUE.requests]!)}; ${reason}; ` +
      `post again in ${seconds} s, or raise the container's memory limit or ADMISSION_MAX_BYTES`;
    return failure("admission-closed", detail, { retryAfter: seconds });
  }

  return {
    enter: (shape) => ({ factor: FACTORS[shape], held: 0 }),
    hold(entry, bytes) {
      const cost = bytes * entry.factor + (entry.held === 0 ? REQUEST_BYTES : 0);
      if (entry.held + cost > limit) return tooLarge(entry.held + cost, limit);
      if (!fits(cost)) return full(cost);
      add(entry, cost);
      return undefined;
    },
    taken: (entry) => add(entry, REQUEST_BYTES - entry.held),
    leave(entry) {
      answered += entry.held;
      add(entry, -entry.held);
    },
    refusal(entry) {
      const alone = queue[QUEUE.bytes] === 0 && requests <= entry.held;
      return alone ? tooLarge(limit + 1, limit) : full(entry.held);
    },
    isOpen,
    status: () => ({
      open: isOpen(),
      queuedRecords: queue[QUEUE.records]!,
      queuedBytes: queue[QUEUE.bytes]!,
      requestBytes: queue[QUEUE.requests]!,
      limitBytes: limit,
      secondsToFull: open ? Math.max(0, limit - used()) / rates.read().taken : 0,
    }),
    sample() {
      show();
      rates.sample();
    },
  };
}

function tooLarge(needed: number, limit: number): Failure {
  const detail =
    `the body needs ${inMib(needed)} of memory, and all events together may have ${inMib(limit)}; ` +
    "post it in parts, or raise the container's memory limit or ADMISSION_MAX_BYTES";
  return failure("body-too-large", detail);
}
