import { type Failure, failure } from "../domain/errors.ts";
import type { AnswerStore, StoredAnswer } from "../domain/ports.ts";
import { type Answer, createKeptAnswers } from "./kept-answers.ts";
import type { Wait } from "./publish.ts";
import { createUnderwayKeys, settledWithin, type Underway } from "./underway.ts";
import { DISK_MS, reasonOf, within } from "./within.ts";

/** A post that may come again. */
export interface KeyedPost {
  key: string;
  fingerprint: string;
  /** How long it waits where the first post's event is still on its way. */
  wait: Wait;
}

/** What a first post came to. */
export interface Attempt {
  answer: Answer;
  /** Where nothing was taken the key is free again. */
  taken: boolean;
  /** Where the answer leaves open what becomes of an event: the answer once it is known. */
  later?: Promise<Answer>;
}

export interface Replayable {
  answer: Answer;
  replayed: boolean;
}

export interface Idempotency {
  /** Lets `act` answer the first post with a key, and answers the same post again without it. Rejects where `act` does. */
  answer(post: KeyedPost, act: () => Promise<Attempt>): Promise<Replayable | Failure>;
  /** Keys in memory, and the bytes that they and their answers take. */
  memory(): { keys: number; bytes: number };
}

export interface IdempotencyOptions {
  /** How long an answer is kept, in milliseconds. */
  window: number;
  /** The most that answers may take in memory; the oldest go first. */
  maxBytes?: number;
  /** Outlives the process. */
  store?: AnswerStore;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** Some 40,000 answers to single posts. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Sees to it that one key makes one record, or the events of one batch once. The answer is kept for the window wherever
 * something was taken: a failure as well, since it does not always say whether there is a record.
 */
export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const { window, maxBytes = MAX_BYTES, store } = options;
  // Goes on when the wall clock is set, unlike Date.now().
  const { now = () => performance.timeOrigin + performance.now() } = options;
  const kept = createKeptAnswers({ window, maxBytes, now });
  const underway = createUnderwayKeys();
  const start = now();

  function keep({ key, fingerprint }: KeyedPost, { status, headers, body }: Answer): void {
    const answer = { fingerprint, at: now(), status, headers, body };
    kept.put(key, answer);
    store?.put(key, answer);
  }

  function keepOpen(post: KeyedPost, answer: Answer, later: Promise<Answer>): void {
    underway.leaveOpen(post.key, answer);
    const settle = (last: Answer): void => {
      keep(post, last);
      underway.end(post.key, last);
    };
    later.then(settle, () => settle(answer));
  }

  /** Memory has every answer since the start but those that had to go: only for the others is the disk asked. */
  async function recall(key: string): Promise<StoredAnswer | Failure | undefined> {
    if (store === undefined || now() >= Math.max(start + window, kept.missingUntil)) return undefined;
    try {
      const found = await within(DISK_MS, store.find(key));
      return found !== undefined && found.at > now() - window ? found : undefined;
    } catch (error) {
      return unreadable(error);
    }
  }

  async function first(post: KeyedPost, act: () => Promise<Attempt>): Promise<Replayable | Failure> {
    const entry = underway.begin(post.key, post.fingerprint);
    try {
      const recalled = await recall(post.key);
      if (recalled !== undefined) return "code" in recalled ? recalled : replay(recalled, post);
      const { answer, taken, later } = await act();
      if (later !== undefined) keepOpen(post, answer, later);
      else if (taken) keep(post, answer);
      return { answer, replayed: false };
    } finally {
      if (entry.open === undefined) underway.end(post.key);
    }
  }

  async function again({ fingerprint, open }: Underway, post: KeyedPost): Promise<Replayable | Failure> {
    if (fingerprint !== post.fingerprint) return reused(post.key);
    if (open === undefined) return busy(post.key);
    return { answer: await settledWithin(post.wait, open), replayed: true };
  }

  return {
    async answer(post, act) {
      const entry = underway.find(post.key);
      if (entry !== undefined) return again(entry, post);
      const known = kept.find(post.key);
      return known === undefined ? first(post, act) : replay(known, post);
    },
    memory: () => ({ keys: kept.keys + underway.keys, bytes: kept.bytes + underway.bytes }),
  };
}

const replay = (answer: StoredAnswer, { key, fingerprint }: KeyedPost): Replayable | Failure =>
  answer.fingerprint === fingerprint ? { answer, replayed: true } : reused(key);

const reused = (key: string): Failure =>
  failure(
    "idempotency-key-reused",
    `the key ${key} came with another body or to another path before; use a new key for a new post`,
  );

const busy = (key: string): Failure =>
  failure(
    "idempotency-key-busy",
    `the first post with the key ${key} is not answered yet; post again a little later`,
    { retryAfter: 1 },
  );

function unreadable(error: unknown): Failure {
  return failure(
    "idempotency-unavailable",
    `the keys on disk cannot be read (${reasonOf(error)}), and without them this post could make a second record; ` +
      "nothing was taken, post again later",
    { retryAfter: 1 },
  );
}
