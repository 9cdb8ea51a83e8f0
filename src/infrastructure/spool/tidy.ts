import type { Database } from "bun:sqlite";
import { figure } from "./schema.ts";

/** The WAL goes into the file when it has this many bytes. */
const WAL_BYTES = 8 * 1024 * 1024;
/** Free pages that stay in the file while it is written, for what comes next. 16 MiB. */
const SPARE_PAGES = 2048;
/** Pages given back at once: 2 MiB, some milliseconds. */
const STEP_PAGES = 256;
const STEP_MS = 50;
const IDLE_MS = 1000;

/** Keeps WAL and file small. */
export interface Tidy {
  /** After each commit, with the bytes it wrote. Throws SQLite's errors. */
  committed(bytes: number): void;
  stop(): void;
}

/** Gives room back in small steps between the commits; all of it when there was none for a second. */
export function createTidy(db: Database, onError: (error: unknown) => void): Tidy {
  const vacuum = db.query(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
  let logged = 0;
  let last = 0;
  let timer: Timer | undefined;

  function step(): void {
    timer = undefined;
    const idle = performance.now() - last >= IDLE_MS;
    try {
      const free = figure(db, "freelist_count");
      if (free > (idle ? 0 : SPARE_PAGES)) logged += vacuum.all().length;
      else if (idle) return void db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      return onError(error);
    }
    timer = setTimeout(step, STEP_MS);
  }

  return {
    committed(bytes) {
      last = performance.now();
      timer ??= setTimeout(step, STEP_MS);
      logged += bytes;
      if (logged < WAL_BYTES) return;
      db.run("PRAGMA wal_checkpoint(PASSIVE)");
      logged = 0;
    },
    stop: () => clearTimeout(timer),
  };
}
