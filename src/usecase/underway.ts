import { type Answer, bytesOf } from "./kept-answers.ts";
import type { Wait } from "./publish.ts";

/** A key whose first post is not answered, or whose event is still on its way. */
export interface Underway {
  readonly fingerprint: string;
  /** Of memory. */
  bytes: number;
  /** The answer so far, once there is one, and who waits for the last; undefined where this is the last. */
  open?: { answer: Answer; waiting: Set<(answer: Answer) => void> | undefined };
}

/**
 * Posts under way by their key. None is ever dropped for its age or for room, since a second record could then be made:
 * the requests at hand bound them, and the queue to Kafka.
 */
export interface UnderwayKeys {
  find(key: string): Underway | undefined;
  begin(key: string, fingerprint: string): Underway;
  /** Its events have been taken. */
  hold(key: string, ids: readonly string[]): void;
  /** Goes on with the answer so far, until `end`. `isLast`: none is to come that is worth waiting for. */
  leaveOpen(key: string, answer: Answer, isLast?: boolean): void;
  /** Forgets the key, and gives the last answer, where there is one, to those that wait. */
  end(key: string, last?: Answer): void;
  readonly keys: number;
  readonly bytes: number;
}

/** What the claim of a key takes for an event beside the id itself: its hash, and an entry by it (src/usecase/claims.ts). */
const EVENT_BYTES = 120;

/**
 * What waits for the last word on a post that is answered already, promises and garbage included: 20,000 of them took 4 KB each
 * beside their events (Bun 1.4.5).
 */
const OPEN_BYTES = 2700;

/** Knows no key at first. */
export function createUnderwayKeys(): UnderwayKeys {
  const entries = new Map<string, Underway>();
  let bytes = 0;

  function grow(entry: Underway, by: number): void {
    entry.bytes += by;
    bytes += by;
  }

  return {
    find: (key) => entries.get(key),
    begin(key, fingerprint) {
      const entry: Underway = { fingerprint, bytes: 0 };
      entries.set(key, entry);
      grow(entry, bytesOf(key));
      return entry;
    },
    hold(key, ids) {
      const entry = entries.get(key);
      if (entry !== undefined)
        grow(
          entry,
          ids.reduce((sum, id) => sum + EVENT_BYTES + id.length, 0),
        );
    },
    leaveOpen(key, answer, isLast = false) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.open = { answer, waiting: isLast ? undefined : new Set() };
      grow(entry, OPEN_BYTES + answer.body.byteLength);
    },
    end(key, last) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entries.delete(key);
      bytes -= entry.bytes;
      if (last === undefined) return;
      for (const tell of entry.open?.waiting ?? []) tell(last);
    },
    get keys() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** The last answer, or after so many milliseconds the one that there is. */
export function settledWithin(
  wait: Wait,
  { answer, waiting }: NonNullable<Underway["open"]>,
): Promise<Answer> {
  if (wait === "no" || waiting === undefined) return Promise.resolve(answer);
  return new Promise((resolve) => {
    const tell = (last: Answer): void => {
      clearTimeout(timer);
      waiting.delete(tell);
      resolve(last);
    };
    const timer = setTimeout(tell, wait, answer);
    waiting.add(tell);
  });
}
