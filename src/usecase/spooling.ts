import { type Failure, failure } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { FoundChunk, Journal, SpoolFile } from "../domain/spool.ts";
import type { Claims } from "./claims.ts";
import { createLosses } from "./losses.ts";
import { createReplay } from "./replay.ts";
import type { Replayed } from "./settled.ts";
import { createSettling } from "./settling.ts";
import { createWriting } from "./writing.ts";

/** Where events go that outlive the process, as the rest of the service sees it. */
export interface Spooling {
  /** Whether events that are taken now are written. */
  readonly writing: boolean;
  /** Whether events that memory does not hold find room on disk. */
  takes(): boolean;
  /** Why no event can be promised, where each has to be stored before it is. */
  required(): Failure | undefined;
  /** Everything in memory goes to disk, and what is taken from now on. False where the disk takes nothing. */
  begin(why: string): boolean;
  /** Resolves when everything taken so far is fsynced, or with why it is not. */
  stored(): Promise<Failure | undefined>;
  /** The same for what was taken long ago, too. */
  keep(): Promise<Failure | undefined>;
  /** The same at the end of the process: nothing is read from disk any more. */
  keepAll(): Promise<Failure | undefined>;
  status(): SpoolingStatus;
  /** Looks at what has settled, what may be replayed, and whether Kafka takes events: to be called many times a second. */
  turn(): void;
  /** Resolves when all that was written is on disk, and what became of it, and the file is closed. */
  close(): Promise<void>;
}

export interface SpoolingStatus {
  /** Events on disk that are not settled. */
  records: number;
  bytes: number;
  /** Those of them that are in no memory. */
  behind: number;
  /** Why the disk takes nothing, and what to do. */
  problem?: string;
}

export interface SpoolingOptions {
  /** `always`: every event is written. `overflow`: while Kafka does not keep up. */
  mode: "overflow" | "always";
  journal: Journal;
  claims: Claims;
  /** Opens the file, which may take more than one try; what is in it comes by `onOpen`. */
  open: (onOpen: (found: FoundChunk[], last: number) => void) => Promise<SpoolFile>;
  /** Whether memory takes a chunk that is read back. */
  hasRoom: () => boolean;
  /** Milliseconds that Kafka may take to confirm an event. */
  deliveryTimeout: number;
  /** Books replayed events, which no post waits for. */
  replayed: Replayed;
  /** Books events that were promised, and cannot be sent. */
  lost: (events: number) => void;
  logger: Logger;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** An outage is over when nothing has waited for longer. */
const KEEPS_UP_MS = 1000;

/** Decides when events go to disk and when no more, and brings those back that are there alone. */
export async function createSpooling(options: SpoolingOptions): Promise<Spooling> {
  const { mode, journal, claims, deliveryTimeout, replayed, lost, logger, hasRoom } = options;
  const now = options.now ?? (() => performance.now());
  let file: SpoolFile | undefined;
  let ending = false;
  const losses = createLosses({ journal, file: () => file, lost, logger });
  const replay = createReplay({ journal, read: (at) => file!.read(at), hasRoom, ...losses });
  const writing = createWriting({ journal, claims, file: () => file!, replay });

  file = await options.open((found, last) => {
    journal.write(writing.on, last + 1);
    writing.keepOnly(found);
    for (const chunk of replay.add(found)) journal.addBehind(chunk.keys);
    const isWanted = mode === "always" || found.length > 0 || writing.incomplete;
    if (isWanted) begin(found.length > 0 ? "events are on disk" : "always");
  });

  function refusal(): Failure | undefined {
    if (file?.hasRoom(0)) return undefined;
    const full = "the spool is full; raise SPOOL_MAX_BYTES, or see why Kafka is slow";
    return failure("spool-unavailable", file?.status().problem ?? full, { retryAfter: 1 });
  }

  function begin(why: string): boolean {
    if (writing.on) return true;
    // What opens the file says so before it is there.
    if (file !== undefined && refusal() !== undefined) return false;
    if (mode === "overflow") logger.warn({ why }, "Spooling: events go to disk");
    writing.begin();
    return true;
  }

  function end(msg: string): void {
    writing.end();
    logger.info({}, msg);
  }

  /** Resolves when all of memory is written, or with why it is not. */
  async function writeAll(why: string): Promise<Failure | undefined> {
    if (!begin(why)) return refusal();
    const error = await writing.storeMemory();
    // Meanwhile a commit may have failed, or writing have ended, with a part of memory unwritten.
    return error === undefined && writing.incomplete ? writeAll(why) : error;
  }

  function judge(): void {
    const { age, behind } = journal.status();
    const kafkaKeepsUp = behind === 0 && replay.idle() && age < KEEPS_UP_MS;
    if (!writing.on) {
      if (mode === "always") begin("the spool takes events again");
      else if (age > deliveryTimeout)
        begin(`Kafka has not confirmed an event for ${Math.round(age / 1000)} s`);
    } else if (refusal() !== undefined && behind === 0) {
      end("Spooling stopped: the spool takes no events");
    } else if (mode === "overflow" && !writing.spilling && kafkaKeepsUp) {
      end("Spooling is over: Kafka keeps up");
    }
  }

  const spool = file;
  const settling = createSettling({ journal, file, replay, replayed, logger, now });

  function turn(): void {
    settling.turn();
    if (ending) return;
    judge();
    // A part of memory that the disk did not take is tried again when it takes something.
    if (writing.on)
      void (writing.incomplete && refusal() === undefined ? writing.storeMemory : writing.stored)();
    replay.pump();
  }

  return {
    get writing() {
      return writing.on;
    },
    takes: () => refusal() === undefined,
    required() {
      if (mode === "overflow") return undefined;
      const refused = refusal();
      // What comes between the moment in which there is room again and the next turn must be written as well.
      if (refused === undefined) begin("the spool takes events again");
      return refused;
    },
    begin,
    stored: writing.stored,
    keep: () => writeAll("an event was not confirmed in time"),
    keepAll() {
      ending = true;
      return writeAll("the process ends");
    },
    status() {
      const { records, bytes, problem } = spool.status();
      const { behind } = journal.status();
      return { records, bytes, behind, ...(problem === undefined ? {} : { problem }) };
    },
    turn,
    async close() {
      ending = true;
      turn();
      await writing.stored();
      await writing.idle();
      settling.end();
      await spool.close();
    },
  };
}
