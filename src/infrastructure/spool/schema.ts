import type { Database } from "bun:sqlite";

/** Marks the file as ours, and says which tables are in it. */
const APPLICATION = 0x73_70_6f_6f;
const VERSION = 3;

export const PAGE_BYTES = 8192;

/**
 * Chunks are two tables, so that what is searched lies close together, apart from the records. `settled` events of a chunk
 * have outcomes already, and one that is `damaged` is not what was written; `receipts` keep the ids and outcomes of chunks that are settled as a whole.
 */
const TABLES = `
CREATE TABLE chunks (number INTEGER PRIMARY KEY, count INTEGER NOT NULL, size INTEGER NOT NULL, ids BLOB NOT NULL, keys BLOB NOT NULL,
  checksum INTEGER NOT NULL, damaged INTEGER NOT NULL DEFAULT 0,
  settled INTEGER NOT NULL DEFAULT 0, topics TEXT, outcomes BLOB, outcomes_checksum INTEGER);
CREATE TABLE records (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE receipts (number INTEGER PRIMARY KEY, count INTEGER NOT NULL, ids BLOB NOT NULL, topics TEXT NOT NULL, outcomes BLOB NOT NULL);
CREATE TABLE refused (sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, id BLOB NOT NULL, code INTEGER NOT NULL, text TEXT NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX refused_id ON refused (id);
CREATE TABLE answers (key TEXT PRIMARY KEY, answer BLOB NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX answers_at ON answers (at);
PRAGMA application_id = ${APPLICATION};
PRAGMA user_version = ${VERSION};
`;

/**
 * Makes a new file ours, or says why an old one is not, in a word for its new name. Throws SQLite's errors. It writes nothing
 * into an old one: the disk may be full. The lock is for good, so that no index of the WAL in shared memory is needed.
 */
export function claim(db: Database): "foreign" | "newer" | "older" | undefined {
  db.run("PRAGMA locking_mode = EXCLUSIVE");
  const isNew = db.query("SELECT 1 FROM sqlite_master").get() === null && figure(db, "application_id") === 0;
  if (isNew) {
    db.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    db.run("PRAGMA auto_vacuum = INCREMENTAL");
    db.transaction(() => db.run(TABLES))();
  }
  if (figure(db, "application_id") !== APPLICATION) return "foreign";
  const version = figure(db, "user_version");
  if (version !== VERSION) return version > VERSION ? "newer" : "older";
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("PRAGMA wal_autocheckpoint = 0");
  return undefined;
}

/** A pragma that answers with a number. */
export const figure = (
  db: Database,
  name: "page_count" | "application_id" | "user_version" | "freelist_count",
) => Object.values(db.query<Record<string, number>, []>(`PRAGMA ${name}`).get() ?? {})[0] ?? 0;
