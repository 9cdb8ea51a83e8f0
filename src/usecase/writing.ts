import { type Failure, failure } from "../domain/errors.ts";
import { type Chunk, type FoundChunk, type Journal, SpoolError, type SpoolFile } from "../domain/spool.ts";
import type { Claims } from "./claims.ts";
import type { Replay } from "./replay.ts";

/**
 * Writes events to disk together: whoever asks while a commit is under way shares the next one. All of memory is written
 * before anything that is taken later, so the disk has the order in which events were taken.
 */
export interface Writing {
  /** Whether events that are taken now are written. */
  readonly on: boolean;
  /** Whether a part of what `begin` found in memory is still to be written. */
  readonly spilling: boolean;
  /** Whether some of memory may be in no chunk. */
  readonly incomplete: boolean;
  /** All of memory, and what is taken from now on. */
  begin(): void;
  end(): void;
  /** Resolves when everything taken while it was on is fsynced, or with why it is not. */
  stored(): Promise<Failure | undefined>;
  /** The same for a part of memory at least, where it is incomplete. */
  storeMemory(): Promise<Failure | undefined>;
  /** The file has these chunks, and no others: memory is incomplete where it has some of the others. */
  keepOnly(found: readonly FoundChunk[]): void;
  /** Resolves when no commit is under way. */
  idle(): Promise<void>;
}

export interface WritingOptions {
  journal: Pick<Journal, "write" | "take" | "spill" | "drop" | "status">;
  claims: Pick<Claims, "writtenWith">;
  /** The file, which is open. */
  file: () => Pick<SpoolFile, "append">;
  replay: Pick<Replay, "add" | "hold" | "forget" | "inMemory">;
}

const NO_KEYS = new Uint8Array(0);

export function createWriting({ journal, claims, file, replay }: WritingOptions): Writing {
  let on = false;
  /** Some of memory may be in no chunk though it is on. */
  let gaps = false;
  /** Some of it is in no chunk yet, and is being written. */
  let spilling = false;
  let committing: Promise<void> | undefined;
  let underWay: readonly Chunk[] = [];
  let next: PromiseWithResolvers<Failure | undefined> | undefined;

  function spill(): void {
    journal.spill();
    spilling = true;
    gaps = false;
  }

  /** Commits what is written at the end of this turn, and what is written meanwhile in the next commit. */
  function stored(): Promise<Failure | undefined> {
    next ??= Promise.withResolvers();
    const { promise } = next;
    committing ??= Promise.resolve().then(commitAll);
    return promise;
  }

  function storeMemory(): Promise<Failure | undefined> {
    if (gaps) spill();
    return stored();
  }

  async function commitAll(): Promise<void> {
    await Bun.sleep(0);
    while (next !== undefined || spilling) {
      const waiting = next;
      next = undefined;
      const error = await commit(journal.take());
      spilling = error === undefined && on && journal.status().spilling;
      waiting?.resolve(error);
    }
    committing = undefined;
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
    underWay = chunks;
    try {
      await claims.writtenWith(chunks, (claimed) => file().append(chunks, claimed));
      replay.add(written.filter(({ alone }) => alone));
      return undefined;
    } catch (error) {
      drop(written);
      return unavailable(error);
    } finally {
      underWay = [];
    }
  }

  function drop(chunks: readonly Pick<Chunk, "number" | "keys">[]): void {
    if (chunks.length === 0) return;
    journal.drop(chunks);
    for (const { number } of chunks) replay.forget(number);
    gaps = true;
  }

  return {
    get on() {
      return on;
    },
    get spilling() {
      return spilling;
    },
    get incomplete() {
      return gaps || spilling;
    },
    begin() {
      on = true;
      journal.write(true);
      spill();
      void stored();
    },
    end() {
      on = false;
      gaps ||= spilling;
      spilling = false;
      journal.write(false);
    },
    stored,
    storeMemory,
    keepOnly(found) {
      const there = new Set([...found, ...underWay].map(({ number }) => number));
      const gone = replay.inMemory().filter((number) => !there.has(number));
      drop(gone.map((number) => ({ number, keys: NO_KEYS })));
      if (on && gone.length > 0) void storeMemory();
    },
    idle: async () => committing,
  };
}

/** Whatever it is: those who wait must be told. */
function unavailable(error: unknown): Failure {
  const { detail, unsure } = error instanceof SpoolError ? error : { detail: String(error), unsure: true };
  return failure("spool-unavailable", detail, { retryAfter: 1, unsure });
}
