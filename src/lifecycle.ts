import type { Logger } from "./domain/logger.ts";
import type { Producer } from "./domain/ports.ts";

/** Whether the process may be sent events, and why not. */
export interface Lifecycle {
  /** Releases the latch that holds readiness back until a broker has answered. */
  contacted(): void;
  /** Not ready from now on, for good. */
  beginDrain(): void;
  readonly draining: boolean;
  /** Undefined when ready. */
  notReady(): string | undefined;
}

export interface LifecycleOptions {
  hasRoom: () => boolean;
  /** Why the producer can never produce again, if it cannot. */
  fatalError: () => string | undefined;
  /** Why events cannot go to disk, where they are to. */
  spoolProblem: () => string | undefined;
}

/** Not ready yet. A later outage of Kafka alone does not change readiness: events still find room for a while. */
export function createLifecycle({ hasRoom, fatalError, spoolProblem }: LifecycleOptions): Lifecycle {
  let reached = false;
  let draining = false;
  return {
    contacted: () => void (reached = true),
    beginDrain: () => void (draining = true),
    get draining() {
      return draining;
    },
    notReady() {
      if (draining) return "the process is shutting down";
      if (!reached) return "no Kafka broker has answered yet";
      if (fatalError() !== undefined) return `the Kafka client has failed for good: ${fatalError()}`;
      if (spoolProblem() !== undefined) return `the spool takes no events: ${spoolProblem()}`;
      return hasRoom() ? undefined : "there is no room for more events";
    },
  };
}

/** The part of a listener that a drain needs. */
interface Intake {
  /** Stops accepting; resolves when what is in flight has been answered. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  pending(): number;
}

export interface DrainOptions {
  /** Milliseconds for all of it. */
  timeout: number;
  intake: Intake;
  producer: Pick<Producer, "flush" | "abandon">;
  /** Answers the posts whose bodies have not arrived yet. */
  refuse: () => void;
  /** Writes what is not delivered to disk, where there is one, within so many milliseconds. */
  keep(ms: number): Promise<unknown>;
  /** Those who wait for it are in flight in the intake, until it gives them up. */
  atomic: { abandon(): Promise<void> };
  /** Milliseconds since the last post came in. */
  idleFor: () => number;
  logger: Logger;
}

// An application that stops beside us may have last words for as long as it takes it to stop: nothing tells when it
// has, so a pause in its requests has to do. It is short, since it makes every Pod's end so much longer.
const quietTime = (timeout: number): number => Math.min(2000, timeout / 10);
const POLL_MS = 20;
/** For answers that say what became of abandoned events. */
const LAST_ANSWERS_MS = 500;
// Giving up, the last answers and the last log lines take their time as well, and belong before the SIGKILL.
const reserve = (timeout: number): number => Math.min(2000, timeout / 5);

/**
 * Brings the process to an end without losing what it can keep: goes on accepting until it is quiet or a third of the
 * time is left, then stops the intake, flushes to Kafka, and when the time is over, less a reserve, writes what is left to
 * disk or gives it up and says so; who still posts is refused from then on. Resolves when everything taken has been settled.
 */
export async function drain({
  timeout,
  intake,
  producer,
  refuse,
  keep,
  atomic,
  idleFor,
  logger,
}: DrainOptions): Promise<void> {
  const begin = performance.now();
  const left = () => Math.max(0, begin + timeout - reserve(timeout) - performance.now());
  const quiet = () => Math.min(idleFor(), performance.now() - begin) >= quietTime(timeout);

  while (!quiet() && left() > timeout / 3) await Bun.sleep(POLL_MS);
  logger.info({ left_ms: Math.round(left()) }, "Draining: no more requests");
  const stopped = intake.stop();
  // What the intake still answers may add to the queue, so one flush is not the last word.
  let flushed = await producer.flush(left());
  while (flushed && intake.pending() > 0 && left() > 0) {
    await Promise.race([stopped, Bun.sleep(POLL_MS)]);
    flushed = await producer.flush(left());
  }
  refuse();
  if (!flushed) await keep(reserve(timeout) / 2);
  await Promise.all([atomic.abandon(), producer.abandon()]);
  await Promise.race([stopped, Bun.sleep(LAST_ANSWERS_MS)]);
  await intake.kill();
}
