import type { Journal, StoredChunk } from "../domain/spool.ts";

/** Gives the chunks that are on disk alone back to the producer, in order. */
export interface Replay {
  /** They are on disk, and in no memory. */
  add(chunks: readonly { number: number; count: number }[]): void;
  /** A chunk that was given back is settled. Returns the outcomes of what had been before. */
  settled(number: number): Uint8Array | undefined;
  /** Gives back as many as may be under way. */
  pump(): void;
  /** Nothing is left to give back, or under way. */
  idle(): boolean;
}

// Enough to fill the requests to Kafka, and few enough that a live event waits for some milliseconds behind them.
const WINDOW = 5000;

/** A chunk that is not what was written, or no records. */
export interface Damaged {
  number: number;
  /** Events in it that are not settled. */
  count: number;
  keys: Uint8Array;
}

export interface ReplayOptions {
  journal: Pick<Journal, "replay">;
  /** Gets a chunk from disk; undefined where it is lost. */
  read: (number: number) => Promise<StoredChunk | undefined>;
  /** Whether memory takes one more. */
  hasRoom: () => boolean;
  onDamaged: (chunk: Damaged) => void;
}

export function createReplay({ journal, read, hasRoom, onDamaged }: ReplayOptions): Replay {
  const waiting: { number: number; count: number }[] = [];
  const underWay = new Map<number, { count: number; outcomes: Uint8Array | undefined }>();
  let events = 0;
  let reading = false;

  async function pumpAll(): Promise<void> {
    for (let next = waiting[0]; next !== undefined && events < WINDOW && hasRoom(); next = waiting[0]) {
      const { number, count } = next;
      const chunk = await read(number);
      waiting.shift();
      if (chunk === undefined) continue;
      if (!chunk.intact || !journal.replay(chunk, number)) {
        onDamaged({ number, count, keys: chunk.keys });
        continue;
      }
      underWay.set(number, { count, outcomes: chunk.outcomes });
      events += count;
    }
  }

  return {
    add: (chunks) => void waiting.push(...chunks.map(({ number, count }) => ({ number, count }))),
    settled(number) {
      const { count, outcomes } = underWay.get(number) ?? { count: 0 };
      events -= count;
      underWay.delete(number);
      return outcomes;
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
