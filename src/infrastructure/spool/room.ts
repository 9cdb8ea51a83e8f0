import type { Database } from "bun:sqlite";
import { statfsSync, statSync } from "node:fs";
import { figure, PAGE_BYTES } from "./schema.ts";

/** What stays free for the commits that make room, and for what SQLite writes beside the records. */
const MARGIN_BYTES = 512 * 1024;

/** The disk has too little room. */
export const DISK_FULL = new Error("the disk is full");

/**
 * Throws DISK_FULL where the disk may not have room for so many bytes, in the WAL and then in the file. A WAL that cannot go
 * into the file any more leaves no way to delete what is in it: so the room for that is never given away.
 */
export function ensureRoom(db: Database, bytes: number): void {
  if (hasRoom(db, bytes)) return;
  db.run("PRAGMA wal_checkpoint(PASSIVE)");
  if (!hasRoom(db, bytes)) throw DISK_FULL;
}

function hasRoom(db: Database, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(db.filename);
  const unwritten = figure(db, "page_count") * PAGE_BYTES - statSync(db.filename).size;
  const growth = bytes - figure(db, "freelist_count") * PAGE_BYTES;
  return bavail * bsize >= bytes + Math.max(0, unwritten) + Math.max(0, growth) + MARGIN_BYTES;
}
