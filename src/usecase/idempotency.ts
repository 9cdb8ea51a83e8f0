import type { Failure } from "../domain/errors.ts";
import type { AnswerStore, ClaimedReceipts, StoredAnswer } from "../domain/ports.ts";
import type { Receipt } from "../domain/receipt.ts";
import { type Answer, createKeptAnswers } from "./kept-answers.ts";
import { busy, crowded, reused, unreadable } from "./key-failures.ts";
import type { Wait } from "./publish.ts";
import { createUnderwayKeys, settledWithin, type Underway } from "./underway.ts";
import { DISK_MS, within } from "./within.ts";

/** A post that may come again. */
export interface KeyedPost {
  key: string;
  fingerprint: string;
  /** How long it waits where the first post's event is still on its way. */
  wait: Wait;
}

/** What a post came to. Where nothing was taken, or all of it is surely nowhere and may be tried again, the key is free. */
export interface Last {
  answer: Answer;
  taken: boolean;
}

/** What a first post came to. */
export interface Attempt extends Last {
  /** Where the answer leaves open what becomes of an event: the last word. */
  later?: Promise<Last>;
  /** Where a crash would lose the event: resolves when it is settled. Only then does the answer outlive the process. */
  safe?: Promise<unknown>;
}

/** Sends the post. `taken` is to be told the events' ids in the turn of the event loop in which they are taken. */
type Act = (taken: (ids: readonly string[]) => void) => Promise<Attempt>;

/** The answer that these receipts are; undefined where no post of this kind has any. */
type Tell = (receipts: Receipt[]) => Promise<Answer | undefined>;

export interface Replayable {
  answer: Answer;
  replayed: boolean;
}

export interface Idempotency {
  /** Whether answers outlive the process: then what becomes of a promised event has to be told. */
  readonly durable: boolean;
  /**
   * Lets `act` answer the first post with a key, and answers the same post again without it; by `tell` where an earlier
   * process took it, and did not live to answer. Rejects where `act` does.
   */
  answer(post: KeyedPost, act: Act, tell: Tell): Promise<Replayable | Failure>;
  /** Keys in memory, and the bytes that they and their answers take. */
  memory(): { keys: number; bytes: number };
}

export interface IdempotencyOptions {
  /** How long an answer is kept, in milliseconds. */
  window: number;
  /**
   * The most that answers may take in memory; the oldest go first. Keys of posts on their way may take as much again before
   * they `spill`.
   */
  maxBytes: number;
  /** Outlives the process. */
  store?: AnswerStore;
  /** Has what is in memory alone written to disk, and what comes from now on. False where the disk takes nothing. */
  spill?: () => boolean;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/**
 * Sees to it that one key makes one record, or the events of one batch once. The answer is kept for the window wherever
 * something was taken: a failure as well, where it does not say that there is surely no record.
 */
export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const { window, maxBytes, store, spill = () => false } = options;
  // Goes on when the wall clock is set, unlike Date.now().
  const { now = () => performance.timeOrigin + performance.now() } = options;
  const kept = createKeptAnswers({ window, maxBytes, now });
  const underway = createUnderwayKeys();
  const start = now();

  function keep({ key, fingerprint }: KeyedPost, { answer, taken }: Last): void {
    if (!taken) return store?.release(key);
    const { status, headers, body } = answer;
    const stored = { fingerprint, at: now(), status, headers, body };
    kept.put(key, stored);
    store?.put(key, stored);
  }

  function keepOpen(post: KeyedPost, answer: Answer, later: Promise<Last>): void {
    underway.leaveOpen(post.key, answer);
    const settle = (last: Last): void => {
      keep(post, last);
      underway.end(post.key, last.answer);
    };
    later.then(settle, () => settle({ answer, taken: true }));
  }

  /** An answer that memory alone has must not go for others, or the same post would make a second record. */
  function keepOnceSafe(post: KeyedPost, last: Last, safe: Promise<unknown>): void {
    underway.leaveOpen(post.key, last.answer, true);
    const settle = (): void => {
      keep(post, last);
      underway.end(post.key);
    };
    safe.then(settle, settle);
  }

  /** Why no more keys can be on their way. */
  function refusal(): Failure | undefined {
    if (store === undefined || underway.bytes < maxBytes || spill()) return undefined;
    return crowded(underway.bytes, maxBytes);
  }

  /** Memory has every answer since the start but those that had to go: only for the others is the disk asked. */
  async function recall(key: string): Promise<StoredAnswer | ClaimedReceipts | Failure | undefined> {
    if (store === undefined || now() >= Math.max(start + window, kept.missingUntil)) return undefined;
    try {
      const found = await within(DISK_MS, store.find(key));
      return found !== undefined && found.at > now() - window ? found : undefined;
    } catch (error) {
      return unreadable(error);
    }
  }

  /** What the disk says of the post, if anything. Of an event that is stored there may be more to say the next time. */
  async function recalled(post: KeyedPost, tell: Tell): Promise<Replayable | Failure | undefined> {
    const found = await recall(post.key);
    if (found === undefined || "code" in found) return found;
    if (found.fingerprint !== post.fingerprint) return reused(post.key);
    if (!("receipts" in found)) return { answer: found, replayed: true };
    const answer = await tell(found.receipts);
    if (answer === undefined) return undefined;
    if (found.receipts.every(({ status }) => status !== "stored")) keep(post, { answer, taken: true });
    return { answer, replayed: true };
  }

  async function send(post: KeyedPost, act: Act): Promise<Replayable> {
    const { key, fingerprint } = post;
    try {
      const { later, safe, ...last } = await act((ids) => {
        underway.hold(key, ids);
        store?.claim(key, { fingerprint, at: now(), ids });
      });
      if (later !== undefined) keepOpen(post, last.answer, later);
      else if (safe !== undefined && store !== undefined) keepOnceSafe(post, last, safe);
      else keep(post, last);
      return { answer: last.answer, replayed: false };
    } catch (error) {
      store?.release(key);
      throw error;
    }
  }

  async function first(post: KeyedPost, act: Act, tell: Tell): Promise<Replayable | Failure> {
    const entry = underway.begin(post.key, post.fingerprint);
    try {
      return (await recalled(post, tell)) ?? refusal() ?? (await send(post, act));
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
    durable: store !== undefined,
    async answer(post, act, tell) {
      const entry = underway.find(post.key);
      if (entry !== undefined) return again(entry, post);
      const known = kept.find(post.key);
      return known === undefined ? first(post, act, tell) : replay(known, post);
    },
    memory: () => ({ keys: kept.keys + underway.keys, bytes: kept.bytes + underway.bytes }),
  };
}

const replay = (answer: StoredAnswer, { key, fingerprint }: KeyedPost): Replayable | Failure =>
  answer.fingerprint === fingerprint ? { answer, replayed: true } : reused(key);
