import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { claim } from "./schema.ts";

const NAME = "spool.db";
const WAL = `${NAME}-wal`;
/** All that SQLite may keep beside the file. */
const COMPANIONS = ["", "-wal", "-shm", "-journal"];

/** Says on what a file was set aside, and under which name. */
export type OnAside = (why: string, path: string) => void;

/** The file of a folder, for this process alone. */
export interface OpenFile {
  db: Database;
  folder: string;
  lock: Database;
}

/**
 * Opens the file, or makes a new one: where there is none, and where the one that is there is damaged or not ours; then
 * that one gets another name. Returns a sentence where it cannot: what was seen, and what to do. Never throws.
 */
export function openFile(folder: string, onAside: OnAside): OpenFile | string {
  let lock: Database | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    lock = lockFolder(folder);
    return { folder, lock, db: openOrReplace(folder, onAside) };
  } catch (error) {
    lock?.close();
    return problem(folder, error);
  }
}

/** The same with a file that was found damaged after it was opened. */
export function renewFile(
  { db, folder, lock }: OpenFile,
  cause: unknown,
  onAside: OnAside,
): OpenFile | string {
  try {
    db.close();
    setAside(folder, "damaged", messageOf(cause), onAside);
    return { folder, lock, db: openOrReplace(folder, onAside) };
  } catch (error) {
    lock.close();
    return problem(folder, error);
  }
}

/** Lets go of a file that could be opened, and not read. Returns what `openFile` would have. */
export function giveUp({ db, folder, lock }: OpenFile, cause: unknown): string {
  db.close();
  lock.close();
  return problem(folder, cause);
}

/** Puts the WAL into the file, closes it and lets another process have it. Throws SQLite's errors, with the lock let go. */
export function closeFile({ db, lock }: OpenFile): void {
  try {
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
    lock.close();
  }
}

/**
 * A file of its own carries the lock: the database cannot, it may have to be renamed. SQLite's lock goes with the process,
 * however it ends.
 */
function lockFolder(folder: string): Database {
  const lock = new Database(join(folder, "spool.lock"));
  try {
    lock.run("PRAGMA journal_mode = MEMORY");
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

function openOrReplace(folder: string, onAside: OnAside): Database {
  // SQLite takes an empty file for a new one, and removes its WAL.
  if (sizeOf(join(folder, NAME)) === 0 && sizeOf(join(folder, WAL)) > 0)
    setAside(folder, "damaged", "it is empty, but its WAL is not", onAside);
  const opened = openOurs(folder);
  if (opened instanceof Database) return opened;
  setAside(folder, opened.word, opened.why, onAside);
  const fresh = openOurs(folder);
  if (fresh instanceof Database) return fresh;
  throw new Error(`a new file is ${fresh.word} at once: ${fresh.why}`);
}

/** The file, or why it is no use. Throws where it is the lock or the disk. */
function openOurs(folder: string): Database | { word: string; why: string } {
  const db = new Database(join(folder, NAME));
  try {
    const stranger = claim(db);
    if (stranger === undefined) return db;
    db.close();
    return { word: stranger, why: WHY[stranger] };
  } catch (error) {
    db.close();
    if (!isDamage(error)) throw error;
    return { word: "damaged", why: messageOf(error) };
  }
}

const WHY = {
  foreign: "it is a database of another application",
  newer: "a newer version of sidepost wrote it; start that one to send what is in it",
  older: "an older version of sidepost wrote it; start that one to send what is in it",
};

/** Renames the file and what belongs to it, so that SQLite still finds them together. */
function setAside(folder: string, word: string, why: string, onAside: OnAside): void {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  let name = `${NAME}.${word}-${time}`;
  for (let n = 2; existsSync(join(folder, name)); n++) name = `${NAME}.${word}-${time}-${n}`;
  // The file comes last: without it, the next start would take its WAL for that of a new one.
  for (const suffix of COMPANIONS.toReversed())
    if (existsSync(join(folder, NAME + suffix)))
      renameSync(join(folder, NAME + suffix), join(folder, name + suffix));
  onAside(why, join(folder, name));
}

/** Whether it is the file that is broken, and not the disk. */
export const isDamage = (error: unknown): boolean =>
  error instanceof SQLiteError && /^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(error.code ?? "");

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isHeld = (error: unknown): boolean =>
  error instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code ?? "");

/** Why a file cannot be opened, and what to do. */
const problem = (folder: string, error: unknown): string =>
  isHeld(error)
    ? `another process has the spool in ${folder} open; stop it, or give each its own SPOOL_DIR`
    : `the spool in ${folder} cannot be opened: ${messageOf(error)}; make SPOOL_DIR a folder that this user can write to`;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
