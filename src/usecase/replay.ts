import type { Journal } from "../domain/spool.ts";

/** Gives the chunks that are on disk alone back to the producer, in order. */
export interface Replay {
  /** They are on disk, and in no memory. */
  add(chunks: readonly { number: number; count: number }[]): void;
  /** A chunk that was given back is settled. */
  settled(number: number): void;
  /** Gives back as many as may be under way. */
  pump(): void;
  /** Nothing is left to give back, or under way. */
  idle(): boolean;
}

// Enough to fill the requests to Kafka, and few enough that a live event waits for some milliseconds behind them.
const WINDOW = 5000;

/** `read` gets a chunk's records from disk; undefined where they are lost. */
export function createReplay(
  journal: Pick<Journal, "replay">,
  read: (number: number) => Promise<Uint8Array | undefined>,
): Replay {
  const waiting: { number: number; count: number }[] = [];
  const underWay = new Map<number, number>();
  let events = 0;
  let reading = false;

  async function pumpAll(): Promise<void> {
    for (let chunk = waiting[0]; chunk !== undefined && events < WINDOW; chunk = waiting[0]) {
      const { number, count } = chunk;
      const bytes = await read(number);
      waiting.shift();
      if (bytes === undefined) continue;
      underWay.set(number, count);
      events += count;
      journal.replay(bytes, number);
    }
  }

  return {
    add: (chunks) => void waiting.push(...chunks.map(({ number, count }) => ({ number, count }))),
    settled(number) {
      events -= underWay.get(number) ?? 0;
      underWay.delete(number);
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
