import type { Logger } from "../domain/logger.ts";
import type { Journal, Outcomes, SpoolFile } from "../domain/spool.ts";
import type { Replay } from "./replay.ts";
import { bookSettled, type Replayed } from "./settled.ts";

/** How often the file gets to know what is settled of chunks that are not as a whole, in milliseconds. */
const PARTLY_MS = 1000;

export interface SettlingOptions {
  journal: Pick<Journal, "settled" | "partlySettled" | "refused">;
  file: Pick<SpoolFile, "settle" | "settlePartly" | "refuse">;
  replay: Pick<Replay, "forget">;
  replayed: Replayed;
  logger: Logger;
  /** Milliseconds of a monotonic clock. */
  now: () => number;
}

/** Tells the file what has become of the events that it has. */
export function createSettling({ journal, file, replay, replayed, logger, now }: SettlingOptions) {
  let lastPartly = -Infinity;

  function settlePartly(all: boolean): void {
    lastPartly = now();
    const chunks = journal.partlySettled(all);
    if (chunks.length > 0) file.settlePartly(chunks.map(outcomesOf));
  }

  return {
    turn() {
      const settled = journal.settled();
      if (settled.length > 0) file.settle(settled.map(outcomesOf));
      for (const chunk of settled) {
        const before = replay.forget(chunk.number);
        if (chunk.replayed) bookSettled(chunk, before, replayed);
      }
      const refused = journal.refused();
      if (refused.length > 0) file.refuse(refused);
      for (const { code, text } of refused)
        logger.error({ code, detail: text }, "Event put aside: Kafka refused it for good");
      if (now() - lastPartly >= PARTLY_MS) settlePartly(false);
    },
    /** At the end of the process, when nothing more will be settled. */
    end: () => settlePartly(true),
  };
}

const outcomesOf = ({ number, topics, outcomes }: Outcomes): Outcomes => ({ number, topics, outcomes });
