import type { FoundChunk, Journal, StoredChunk } from "../domain/spool.ts";

/** Gives the chunks that are on disk alone back to the producer, in order. */
export interface Replay {
  /** They are on disk, and to be given back. Returns those of them that this process did not have yet. */
  add(chunks: readonly FoundChunk[]): FoundChunk[];
  /** They are on their way to disk, and in memory as well: never to be given back. */
  hold(numbers: readonly number[]): void;
  /** A chunk is settled, or did not come to disk. Returns the outcomes of what had been before it was given back. */
  forget(number: number): Uint8Array | undefined;
  /** Those that memory has as well, settled in part at most. */
  inMemory(): number[];
  /** Gives back as many as may be under way. */
  pump(): void;
  /** Nothing is left to give back, or under way. */
  idle(): boolean;
}

// Enough to fill the requests to Kafka, and few enough that a live event waits for some milliseconds behind them.
const WINDOW = 5000;

export interface ReplayOptions {
  journal: Pick<Journal, "replay">;
  /** Gets a chunk from disk; undefined where it is gone. Rejects where it cannot be read at the moment, and logs why. */
  read: (number: number) => Promise<StoredChunk | undefined>;
  /** Whether memory takes one more. */
  hasRoom: () => boolean;
  /** A chunk that is not what was written, or no records. */
  onDamaged: (chunk: FoundChunk) => void;
  /** Chunks that the disk does not have any more, though they are not settled. */
  onGone: (chunks: readonly FoundChunk[]) => void;
}

export function createReplay({ journal, read, hasRoom, onDamaged, onGone }: ReplayOptions): Replay {
  /** With their keys: a file that is gone tells none. 4 bytes an event. */
  const waiting: FoundChunk[] = [];
  const underWay = new Map<number, { count: number; outcomes: Uint8Array | undefined }>();
  /** Those that wait, are under way or in memory. A file that is opened again has them all. */
  const known = new Set<number>();
  let events = 0;
  let reading = false;

  function giveBack(next: FoundChunk, chunk: StoredChunk): void {
    const { number, count } = next;
    if (!chunk.intact || !journal.replay(chunk, number)) {
      known.delete(number);
      return onDamaged(next);
    }
    underWay.set(number, { count, outcomes: chunk.outcomes });
    events += count;
  }

  async function pumpAll(): Promise<void> {
    const gone: FoundChunk[] = [];
    for (let next = waiting[0]; next !== undefined && events < WINDOW && hasRoom(); next = waiting[0]) {
      const chunk = await read(next.number).catch((): "unreadable" => "unreadable");
      // Others of its keys may be behind it: none passes it by.
      if (chunk === "unreadable") break;
      waiting.shift();
      if (chunk !== undefined) giveBack(next, chunk);
      else gone.push(next);
    }
    for (const { number } of gone) known.delete(number);
    if (gone.length > 0) onGone(gone);
  }

  return {
    add(chunks) {
      const added = chunks.filter(({ number }) => !known.has(number));
      for (const { number, count, keys } of added) {
        waiting.push({ number, count, keys });
        known.add(number);
      }
      return added;
    },
    hold(numbers) {
      for (const number of numbers) known.add(number);
    },
    forget(number) {
      const { count, outcomes } = underWay.get(number) ?? { count: 0 };
      events -= count;
      underWay.delete(number);
      known.delete(number);
      return outcomes;
    },
    inMemory() {
      const onDiskAlone = new Set(waiting.map(({ number }) => number));
      return [...known].filter((number) => !onDiskAlone.has(number));
    },
    pump() {
      if (reading) return;
      reading = true;
      void pumpAll().finally(() => {
        reading = false;
      });
    },
    idle: () => waiting.length === 0 && underWay.size === 0,
  };
}
