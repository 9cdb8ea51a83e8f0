import { type Answer, bytesOf } from "./kept-answers.ts";
import type { Wait } from "./publish.ts";

/** A key whose first post is not answered, or whose event is still on its way. */
export interface Underway {
  readonly fingerprint: string;
  /** The answer so far, once there is one, and who waits for the last. */
  open?: { answer: Answer; waiting: Set<(answer: Answer) => void> };
}

/**
 * Posts under way by their key. None is ever dropped for its age or for room, since a second record could then be made:
 * the requests at hand bound them, and the queue to Kafka.
 */
export interface UnderwayKeys {
  find(key: string): Underway | undefined;
  begin(key: string, fingerprint: string): Underway;
  /** Goes on with the answer so far, until `end`. */
  leaveOpen(key: string, answer: Answer): void;
  /** Forgets the key, and gives the last answer, where there is one, to those that wait. */
  end(key: string, last?: Answer): void;
  readonly keys: number;
  readonly bytes: number;
}

/** Knows no key at first. */
export function createUnderwayKeys(): UnderwayKeys {
  const entries = new Map<string, Underway>();
  let bytes = 0;

  return {
    find: (key) => entries.get(key),
    begin(key, fingerprint) {
      const entry: Underway = { fingerprint };
      entries.set(key, entry);
      bytes += bytesOf(key);
      return entry;
    },
    leaveOpen(key, answer) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.open = { answer, waiting: new Set() };
      bytes += answer.body.byteLength;
    },
    end(key, last) {
      const open = entries.get(key)?.open;
      if (!entries.delete(key)) return;
      bytes -= bytesOf(key, open?.answer);
      if (open === undefined || last === undefined) return;
      for (const tell of open.waiting) tell(last);
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
  if (wait === "no") return Promise.resolve(answer);
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
