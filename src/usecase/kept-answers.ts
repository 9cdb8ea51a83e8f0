import type { StoredAnswer } from "../domain/ports.ts";

export type Answer = Pick<StoredAnswer, "status" | "headers" | "body">;

export interface KeptAnswersOptions {
  /** How long an answer is kept, in milliseconds. */
  window: number;
  /** Of memory, as `bytesOf` counts it: it bounds the number as well. */
  maxBytes: number;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** Answers by their key, in memory: each for as long as the window, the oldest less where there are too many. */
export interface KeptAnswers {
  find(key: string): StoredAnswer | undefined;
  put(key: string, answer: StoredAnswer): void;
  readonly keys: number;
  readonly bytes: number;
  /** Until when an answer that had to go for others would have been kept. */
  readonly missingUntil: number;
}

/** What a key and its answer take beside their own bytes: 100,000 of 170 bytes each added 78 MB to the process (Bun 1.4.5). */
const ENTRY_BYTES = 600;

/** The memory that an answer, or a key alone, takes. */
export const bytesOf = (key: string, answer?: Answer): number =>
  ENTRY_BYTES + key.length + (answer?.body.byteLength ?? 0);

/** Keeps nothing at first. */
export function createKeptAnswers({ window, maxBytes, now }: KeptAnswersOptions): KeptAnswers {
  // In the order of their age, since all are kept for the same time.
  const answers = new Map<string, StoredAnswer>();
  let bytes = 0;
  let missingUntil = -Infinity;

  function remove(key: string): void {
    const answer = answers.get(key);
    if (answer === undefined) return;
    answers.delete(key);
    bytes -= bytesOf(key, answer);
  }

  function makeRoom(): void {
    const oldest = now() - window;
    for (const [key, { at }] of answers) {
      const isOver = at <= oldest;
      if (!isOver && bytes <= maxBytes) return;
      if (!isOver) missingUntil = at + window;
      remove(key);
    }
  }

  return {
    find(key) {
      const answer = answers.get(key);
      return answer !== undefined && answer.at > now() - window ? answer : undefined;
    },
    put(key, answer) {
      remove(key);
      answers.set(key, answer);
      bytes += bytesOf(key, answer);
      makeRoom();
    },
    get keys() {
      return answers.size;
    },
    get bytes() {
      return bytes;
    },
    get missingUntil() {
      return missingUntil;
    },
  };
}
