import type { EventType } from "../domain/event.ts";
import type { Producer } from "../domain/ports.ts";
import { createBooks } from "./books.ts";
import type { EventLog } from "./eventlog.ts";
import { createKeep, type PublishSpooling } from "./on-disk.ts";
import { createPublishMany, type PublishMany } from "./publish-many.ts";
import { createPublishOne, type PublishOne } from "./publish-one.ts";
import type { Tally } from "./tally.ts";
import { createWaitingRoom } from "./waiting.ts";

export type { AllDelivered, BatchOutcome, SettledBatch, Wait, Watch } from "./post-outcome.ts";

export interface Publisher {
  one: PublishOne;
  many: PublishMany;
}

export interface PublisherOptions {
  producer: Pick<Producer, "send" | "sendBatch" | "wentToDisk" | "promise">;
  /** Undefined where there is no disk. */
  spooling?: PublishSpooling | undefined;
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
  const keep = spooling && createKeep(spooling, producer);
  const shared = { producer, spooling, keep, books, eventLog, waitFor, now };
  return { one: createPublishOne({ ...shared, types }), many: createPublishMany(shared) };
}
