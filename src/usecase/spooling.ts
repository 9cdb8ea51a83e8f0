import { type Failure, failure } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { type Chunk, type FoundChunk, type Journal, SpoolError, type SpoolFile } from "../domain/spool.ts";
import type { Claims } from "./claims.ts";
import { createReplay } from "./replay.ts";
import type { Replayed } from "./settled.ts";
import { createSettling } from "./settling.ts";

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
const NO_KEYS = new Uint8Array(0);

/**
 * Writes events to disk together: whoever asks while a commit is under way shares the next one. All of memory is written
 * before anything that is taken later, so the disk has the order in which events were taken.
 */
export async function createSpooling(options: SpoolingOptions): Promise<Spooling> {
  const {
    mode,
    journal,
    claims,
    deliveryTimeout,
    replayed,
    lost,
    logger,
    now = () => performance.now(),
    hasRoom,
  } = options;
  let file: SpoolFile | undefined;
  let writing = false;
  /** Some of memory may be in no chunk though it is writing. */
  let gaps = false;
  /** Some of it is in no chunk yet, and is being written. */
  let spilling = false;
  let ending = false;
  let committing: Promise<void> | undefined;
  let next: PromiseWithResolvers<Failure | undefined> | undefined;
  const replay = createReplay({
    journal,
    read: (at) => file!.read(at),
    hasRoom,
    onDamaged: setAside,
    onGone: giveUp,
  });

  file = await options.open((found, last) => {
    journal.write(writing, last + 1);
    for (const chunk of replay.add(found)) journal.addBehind(chunk.keys);
    if (mode === "always" || found.length > 0) begin(found.length > 0 ? "events are on disk" : "always");
  });

  function setAside({ number: at, count, keys }: FoundChunk): void {
    journal.drop(at, keys);
    file?.setAside([at]);
    lost(count);
    const why = "what the disk has of these events is not what was written; look at the disk";
    logger.error(
      { chunk: at, events: count, why },
      "Events lost: a part of the spool is damaged and set aside",
    );
  }

  function giveUp(gone: readonly FoundChunk[]): void {
    for (const { number: at, keys } of gone) journal.drop(at, keys);
    const events = gone.reduce((sum, { count }) => sum + count, 0);
    lost(events);
    const why =
      "the file that had these events was set aside as damaged; look at the disk, and keep that file, which is beside the new one";
    logger.error({ chunks: gone.length, events, why }, "Events lost: the spool does not have them any more");
  }

  function refusal(): Failure | undefined {
    if (file?.hasRoom(0)) return undefined;
    return failure(
      "spool-unavailable",
      file?.status().problem ?? "the spool is full; raise SPOOL_MAX_BYTES, or see why Kafka is slow",
      {
        retryAfter: 1,
      },
    );
  }

  function begin(why: string): boolean {
    if (writing) return true;
    // What opens the file says so before it is there.
    if (file !== undefined && refusal() !== undefined) return false;
    writing = true;
    if (mode === "overflow") logger.warn({ why }, "Spooling: events go to disk");
    journal.write(true);
    spill();
    void schedule();
    return true;
  }

  function spill(): void {
    journal.spill();
    spilling = true;
    gaps = false;
  }

  function end(msg: string): void {
    writing = false;
    gaps ||= spilling;
    spilling = false;
    journal.write(false);
    logger.info({}, msg);
  }

  /** Commits what is written at the end of this turn, and what is written meanwhile in the next commit. */
  function schedule(): Promise<Failure | undefined> {
    next ??= Promise.withResolvers();
    const { promise } = next;
    committing ??= Promise.resolve().then(commitAll);
    return promise;
  }

  async function commitAll(): Promise<void> {
    await Bun.sleep(0);
    while (next !== undefined || spilling) {
      const waiting = next;
      next = undefined;
      const error = await commit(journal.take());
      spilling = error === undefined && writing && journal.status().spilling;
      waiting?.resolve(error);
    }
    committing = undefined;
  }

  /** Resolves when all of memory is written, or with why it is not. */
  async function writeAll(why: string): Promise<Failure | undefined> {
    if (!begin(why)) return refusal();
    if (gaps) spill();
    const error = await schedule();
    // Meanwhile a commit may have failed, or writing have ended, with a part of memory unwritten.
    return error === undefined && (gaps || spilling) ? writeAll(why) : error;
  }

  async function commit(chunks: (Chunk & { alone: boolean })[]): Promise<Failure | undefined> {
    if (chunks.length === 0) return undefined;
    // The buffers are given away; slice() of Node's would be the same memory.
    const written = chunks.map(({ number: at, count, keys, alone }) => ({
      number: at,
      count,
      alone,
      keys: alone ? new Uint8Array(keys) : NO_KEYS,
    }));
    replay.hold(written.filter(({ alone }) => !alone).map(({ number: at }) => at));
    try {
      await claims.writtenWith(chunks, (claimed) => file!.append(chunks, claimed));
      replay.add(written.filter(({ alone }) => alone));
      return undefined;
    } catch (error) {
      for (const { number: at, keys } of written) {
        journal.drop(at, keys);
        replay.forget(at);
      }
      gaps = true;
      // Whatever it is: those who wait must be told.
      const { detail, unsure } =
        error instanceof SpoolError ? error : { detail: String(error), unsure: true };
      return failure("spool-unavailable", detail, { retryAfter: 1, unsure });
    }
  }

  function judge(): void {
    const { age, behind } = journal.status();
    if (!writing) {
      if (mode === "always") begin("the spool takes events again");
      else if (age > deliveryTimeout)
        begin(`Kafka has not confirmed an event for ${Math.round(age / 1000)} s`);
    } else if (refusal() !== undefined && behind === 0) {
      end("Spooling stopped: the spool takes no events");
    } else if (mode === "overflow" && !spilling && behind === 0 && replay.idle() && age < KEEPS_UP_MS) {
      end("Spooling is over: Kafka keeps up");
    }
  }

  const spool = file;
  const settling = createSettling({ journal, file, replay, replayed, logger, now });

  function turn(): void {
    settling.turn();
    if (ending) return;
    judge();
    if (writing) void schedule();
    replay.pump();
  }

  return {
    get writing() {
      return writing;
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
    stored: schedule,
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
      await schedule();
      await committing;
      settling.end();
      await spool.close();
    },
  };
}
