import type { Logger } from "../domain/logger.ts";
import type { FoundChunk, Journal, SpoolFile } from "../domain/spool.ts";
import type { ReplayOptions } from "./replay.ts";

export interface LossesOptions {
  journal: Pick<Journal, "drop">;
  /** The file, as soon as it is open. */
  file: () => Pick<SpoolFile, "setAside"> | undefined;
  /** Books events that were promised, and cannot be sent. */
  lost: (events: number) => void;
  logger: Logger;
}

/** What is done about chunks that were on disk alone, and cannot be had from there. */
export function createLosses({
  journal,
  file,
  lost,
  logger,
}: LossesOptions): Pick<ReplayOptions, "onDamaged" | "onGone"> {
  function book(chunks: readonly FoundChunk[]): number {
    journal.drop(chunks);
    const events = chunks.reduce((sum, { count }) => sum + count, 0);
    lost(events);
    return events;
  }

  return {
    onDamaged(chunk) {
      const events = book([chunk]);
      file()?.setAside([chunk.number]);
      const why = "what the disk has of these events is not what was written; look at the disk";
      logger.error(
        { chunk: chunk.number, events, why },
        "Events lost: a part of the spool is damaged and set aside",
      );
    },
    onGone(chunks) {
      const events = book(chunks);
      const why =
        "the file that had these events was set aside as damaged; look at the disk, and keep that file, which is beside the new one";
      logger.error(
        { chunks: chunks.length, events, why },
        "Events lost: the spool does not have them any more",
      );
    },
  };
}
