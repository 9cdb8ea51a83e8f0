import type { Database } from "bun:sqlite";
import { PROBE_BYTES, type Tables } from "./file.ts";
import type { Work } from "./messages.ts";
import { ensureRoom } from "./room.ts";

export const NO_WORK: Work = {
  chunks: [],
  outcomes: [],
  partly: [],
  damaged: [],
  refused: [],
  answers: [],
  forget: 0,
};

interface Sized {
  bytes?: Uint8Array;
  outcomes?: Uint8Array;
}

const NONE = new Uint8Array(0);

/** Writes, and remembers what it owes. What fails is returned. */
export interface Writer {
  /** All of it or nothing; but what makes room is then tried alone, and goes with the next commit if that fails as well. */
  write(work: Work): unknown;
  /** Whether there is room for anything, beside what is owed. */
  probe(): unknown;
}

/** `onDropped`: refused records that had to go for newer ones. */
export function createWriter(db: Database, tables: Tables, onDropped: (records: number) => void): Writer {
  let owed = NO_WORK;

  function commit({ chunks, partly, answers }: Pick<Work, "chunks" | "partly" | "answers">): void {
    const dropped = tables.write({ ...owed, chunks, partly, answers });
    owed = NO_WORK;
    if (dropped > 0) onDropped(dropped);
  }

  function attempt(work: Work, bytes: number, then: () => void): unknown {
    owed = {
      ...NO_WORK,
      outcomes: [...owed.outcomes, ...work.outcomes],
      damaged: [...owed.damaged, ...work.damaged],
      refused: [...owed.refused, ...work.refused],
      forget: Math.max(owed.forget, work.forget),
    };
    try {
      if (bytes > 0) ensureRoom(db, bytes);
      commit(work);
      return void then();
    } catch (cause) {
      try {
        commit(NO_WORK);
      } catch {
        // It stays owed.
      }
      return cause;
    }
  }

  return {
    write(work) {
      const added: Sized[] = [...work.chunks, ...work.partly];
      const bytes = added.reduce(
        (sum, it) => sum + (it.bytes ?? NONE).length + (it.outcomes ?? NONE).length,
        0,
      );
      return attempt(work, bytes, () => {});
    },
    probe: () => attempt(NO_WORK, PROBE_BYTES, tables.probe),
  };
}
