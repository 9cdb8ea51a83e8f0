import type { Failure } from "./errors.ts";

/** Where an event is. A 2xx answer carries one of the first three. */
export type Receipt = Delivered | Stored | Accepted | Failed;

/** The receipts of a batch, in the order of its events. */
export interface Receipts {
  receipts: Receipt[];
}

/** Kafka has the event on all in-sync replicas. */
export interface Delivered {
  status: "delivered";
  id: string;
  topic: string;
  partition: number;
  /** Null where it is not known: the answer that named it was lost, and Kafka then said only that it has the event. */
  offset: number | null;
  /** Milliseconds since the epoch, as the broker or the client stamped the record; null where it is not known. */
  timestamp: number | null;
}

/** The event is on disk, on its way: a crash does not lose it. */
export interface Stored {
  status: "stored";
  id: string;
}

/** The event is in this process's memory, on its way; only a crash loses it. */
export interface Accepted {
  status: "accepted";
  id: string;
}

/** The event is not in Kafka, or not known to be. */
export interface Failed {
  status: "failed";
  id: string;
  error: Failure;
  /** It is surely not in Kafka, and not on its way there. */
  nowhere?: boolean;
}

/** Nothing was taken. */
export interface Refused {
  status: "refused";
  error: Failure;
}
