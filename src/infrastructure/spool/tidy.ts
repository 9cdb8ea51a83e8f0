import type { Database } from "bun:sqlite";
import { figure } from "./schema.ts";

/** The WAL goes into the file when this many of its pages are not there yet: 16 MiB. Its own file keeps its size. */
const WAL_PAGES = 2048;
/** Free pages that stay in the file while it is written, for what comes next. 16 MiB. */
const SPARE_PAGES = 2048;
/** Pages given back at once: 2 MiB, some milliseconds. */
const STEP_PAGES = 256;
const STEP_MS = 50;
const IDLE_MS = 1000;

/** Keeps WAL and file small. */
export interface Tidy {
  /** After each commit. `busy`: more are likely to come. Throws SQLite's errors. */
  committed(busy: boolean): void;
  stop(): void;
}

/** Gives room back in small steps between the commits; all of it when there was none for a second. */
export function createTidy(db: Database, onError: (error: unknown) => void): Tidy {
  const vacuum = db.query(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
  const frames = db.query<{ log: number; checkpointed: number }, []>("PRAGMA wal_checkpoint(NOOP)");
  let last = -IDLE_MS;
  let timer: Timer | undefined;

  function step(): void {
    timer = undefined;
    const idle = performance.now() - last >= IDLE_MS;
    try {
      const free = figure(db, "freelist_count");
      if (free > (idle ? 0 : SPARE_PAGES)) vacuum.all();
      else if (idle) return void db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      return onError(error);
    }
    timer = setTimeout(step, STEP_MS);
  }

  return {
    committed(busy) {
      if (busy) last = performance.now();
      timer ??= setTimeout(step, STEP_MS);
      const { log, checkpointed } = frames.get() ?? { log: 0, checkpointed: 0 };
      if (log - checkpointed >= WAL_PAGES) db.run("PRAGMA wal_checkpoint(PASSIVE)");
    },
    stop: () => clearTimeout(timer),
  };
}
