import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { EventMember } from "../../domain/event.ts";
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
}

/**
 * Columns of a batch's table: an error code (0: delivered, NaN: on its way), and where the record is; an offset or a
 * timestamp below 0 is not known.
 */
export const COLUMNS = 5;

/** An offset or a timestamp as the core has it, where it is known. */
export const knownOrNull = (value: number | undefined): number | null =>
  value !== undefined && value >= 0 ? value : null;

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
  /** Returns the event's id, or why it was not taken. The delivery report brings `opaque` back. Held until `handOver`. */
  produceEvent(body: Uint8Array, event: number, opaque: unknown): string | number;
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
  ): number | { ids: string | string[]; table: Float64Array };
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
}

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
