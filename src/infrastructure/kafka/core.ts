import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { EventMember } from "../../domain/event.ts";
import type { Chunk } from "../../domain/spool.ts";
import { Kafka } from "./upstream.ts";

/** What a valid event is, as the core's scanner takes it (src/native/core/scan_binding.h). */
interface ScanSpec {
  types: string[];
  members: EventMember[];
  maxHeaders: number;
  reservedHeaders: { prefix: string; names: string[] };
}

export interface EventOptions {
  scan: ScanSpec;
  /** In the order of `scan.types`. */
  events: { type: string; topic: string }[];
  /** The CloudEvents source of every event. */
  source: string;
  /** Whether CloudEvents attributes go into headers instead of an envelope. */
  binary: boolean;
  /** The bounds of the queue: a batch is taken only where all of it fits. */
  maxMessages: number;
  maxBytes: number;
  /** The most that one message may have. */
  maxMessageBytes: number;
  /** Milliseconds that an event is tried again which Kafka turns down for what may pass. */
  patience: number;
  /** Whether what a failed client had is kept for `renew`, and not reported as failed. */
  renewable: boolean;
}

/**
 * Columns of a batch's table: an error code (0: delivered, NaN: on its way), and where the record is; an offset or a
 * timestamp below 0 is not known.
 */
export const COLUMNS = 5;

/** In place of a failed event's offset: Kafka surely does not have it. */
export const NOWHERE = -2;

/** Why the core took nothing; other negative numbers are librdkafka's codes. */
export const REFUSED = { malformed: -1001, invalid: -1002, noRoom: -1003, tooMuch: -1004 } as const;

/**
 * Our extension of upstream's native producer: posts as bytes, read, enveloped and produced without passing through
 * JavaScript's strings, so that numbers keep every digit.
 */
export interface EventCore {
  configureEvents(options: EventOptions): void;
  /** Calls back once a broker has answered; never if the client is disconnected before. */
  whenContacted(callback: () => void): void;
  /**
   * Returns the event's id, or why it was not taken. The delivery report brings `opaque` back, unless `wentToDisk`. Held
   * until `handOver`. `promised`: whoever posted it will hear no more of it.
   */
  produceEvent(body: Uint8Array, event: number, opaque: unknown, promised?: boolean): string | number;
  /** Gives librdkafka what `produceEvent` holds. */
  handOver(): void;
  /**
   * `ids` is a list, or one string with a line each. `done` is called when the table has no NaN left; where receipts are
   * wanted and everything was delivered, with the JSON of `Receipts`.
   */
  produceBatch(
    body: Uint8Array,
    ndjson: boolean,
    done: (receipts: Uint8Array | undefined) => void,
    receipts?: boolean,
    promised?: boolean,
  ): number | { ids: string | string[]; table: Float64Array };
  /** Whether what was taken last is on disk alone: the journal has it, and no report will come. */
  wentToDisk(): boolean;
  /** Why `produceBatch` would refuse the body even if the queue were empty; 0 where it would not. Takes nothing. */
  checkBatch(body: Uint8Array, ndjson: boolean): number;
  /** The offset of the byte at which the last malformed body stopped being JSON. */
  brokenAt(): number;
  /** What was taken and is not reported, and the bytes of memory that it takes. */
  queued(): { messages: number; bytes: number };
  /** The same as memory that the core keeps up to date, laid out as QUEUE says. Its buffer must not be transferred. */
  queueView(): Float64Array;
  /** librdkafka's sentence for one of its codes. */
  errorText(code: number): string;
  /** Fails everything in the queue and on the wire; the reports come as any others. Returns a code. */
  purge(): number;

  /**
   * Replaces a client that has failed for good by a new one, which gets all that is not settled, in order; meanwhile
   * posts are taken. What was on the wire, and has no report after 3 s, may come twice.
   */
  renew(callback: (error: { message: string } | null) => void): void;
  /** librdkafka's own way to make a client fail for good, for tests of `renew`. */
  failForTests(): void;

  /** Whether events that are taken from now on are written for the spool; `number` is the lowest of the next chunk. */
  journal(on: boolean, number?: number): void;
  /** What was written since the last call. */
  takeChunks(): (Chunk & { alone: boolean })[];
  /** Writes everything in memory that no chunk has yet, a part with each `takeChunks` while `diskStatus` says `spilling`. */
  spill(): void;
  /**
   * Takes the events of a chunk, in memory from now on, but for those that have an outcome. False where the bytes are no
   * records: nothing is taken.
   */
  replay(bytes: Uint8Array, number: number, outcomes?: Uint8Array): boolean;
  /** Events of these keys are on disk alone until they are replayed: others of the same keys go to disk behind them. */
  addBehind(keys: Uint8Array): void;
  /** These chunks could not be written. `keys`: of their events, where they are in no memory either. Goes through all events once. */
  dropChunks(numbers: readonly number[], keys: Uint8Array): void;
  /** The event types, those of replayed events among them; outcomes name them by their index. */
  knownTypes(): { type: string; topic: string }[];
  /** How many events wait to be tried again, by topic, and librdkafka's code for why the last was turned down. */
  postponed(): { topic: string; events: number; code: number }[];
  /**
   * They are tried again now. `deniedMs`: how long a broker could have told of their topics since the last time; when that
   * is `patience` in all they are given up.
   */
  tryAgain(deniedMs: number): void;
  /** The posters of these events, who waited, have been told that they are on their way. */
  promise(ids: readonly string[]): void;
  /** By which the spool knows an event's id. */
  hashOf(id: string): Uint8Array;
  /** The chunks whose events are all settled, each once. `outcomes` as in `Outcomes`. */
  takeSettled(): { number: number; replayed: boolean; outcomes: Uint8Array }[];
  /** The chunks of which a part is settled: `all`, or those found by two calls, and each again only when more of it is. */
  takePartlySettled(all: boolean): { number: number; outcomes: Uint8Array }[];
  /** Promised events that were refused for good, as records. */
  takeRefused(): { id: Uint8Array; code: number; bytes: Uint8Array }[];
  /** Milliseconds since the oldest event that is not settled was taken (0: none), and how many are on disk alone. */
  diskStatus(): { age: number; behind: number; spilling: boolean };
  /** What became of a recent event: in memory (`chunk`: on disk as well where it is not 0), or settled. */
  findEvent(id: string): FoundEvent | undefined;
}

export type FoundEvent =
  { chunk: number } | { code: number; topic: string; partition: number; offset: number; timestamp: number };

/** The extension of a connected client, by upstream's own way to its native side. */
export const eventCore = (client: RdKafka.Producer): EventCore => client.getClient() as unknown as EventCore;

/**
 * Takes the code that ran out of resident memory, until it runs again: of an idle process's 65 MB that gives back 18, and
 * costs some hundred page faults of a microsecond each. Returns the bytes of all code.
 */
export const { releaseCode } = Kafka;

/** Why librdkafka refuses a property, in its own words; undefined where it takes it. Connects to nothing. */
export function checkProperty(name: string, value: string): string | undefined {
  try {
    // A SASL protocol with no mechanism beside it would mean Kerberos, and be refused where its library is missing.
    void new Kafka.Producer({ "sasl.mechanisms": "PLAIN", [name]: value });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
