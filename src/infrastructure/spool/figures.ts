import type { Chunk } from "../../domain/spool.ts";
import type { Answer, Contents } from "./messages.ts";

/** What one chunk counts. */
export interface Measure {
  number: number;
  count: number;
  size: number;
}

/** What the file holds and what is on its way there, counted here: the thread is not asked. */
export interface Figures {
  /** The file has this, and nothing else. */
  reset(contents: Contents): void;
  add(chunks: readonly Measure[]): void;
  remove(numbers: Iterable<number>): void;
  /** So many events of a chunk are not settled. */
  leave(number: number, count: number): void;
  /** Bytes of what is not an unsettled chunk. */
  keep(bytes: number): void;
  bytes(): number;
  records(): number;
}

export const sizeOf = (chunks: readonly Measure[]): number => chunks.reduce((sum, { size }) => sum + size, 0);

export const bytesOfAnswers = (answers: readonly Answer[]): number =>
  answers.reduce((sum, { key, answer }) => sum + key.length + (answer?.length ?? 0), 0);

export const measure = ({ number, count, bytes, keys, ids }: Chunk): Measure => ({
  number,
  count,
  size: bytes.length + keys.length + ids.length,
});

export function createFigures(): Figures {
  const chunks = new Map<number, Measure>();
  let bytes = 0;
  let records = 0;
  let kept = 0;

  function add(added: readonly Measure[]): void {
    for (const chunk of added) {
      chunks.set(chunk.number, chunk);
      bytes += chunk.size;
      records += chunk.count;
    }
  }

  return {
    reset(contents) {
      chunks.clear();
      bytes = 0;
      records = 0;
      kept = contents.kept;
      add(contents.chunks);
    },
    add,
    remove(numbers) {
      for (const number of numbers) {
        const chunk = chunks.get(number);
        if (chunk === undefined) continue;
        chunks.delete(number);
        bytes -= chunk.size;
        records -= chunk.count;
      }
    },
    leave(number, count) {
      const chunk = chunks.get(number);
      if (chunk === undefined) return;
      records += count - chunk.count;
      chunks.set(number, { ...chunk, count });
    },
    keep(now) {
      kept = now;
    },
    bytes: () => bytes + kept,
    records: () => records,
  };
}
