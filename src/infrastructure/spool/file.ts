import type { Database } from "bun:sqlite";
import { freeBytes } from "../../domain/buffers.ts";
import { countStored, OUTCOME_BYTES } from "../../domain/outcomes.ts";
import { checksumOf, checksumOfOutcomes } from "./checksum.ts";
import { measure } from "./figures.ts";
import { createLookup, type Lookups } from "./lookup.ts";
import type { Contents, Work } from "./messages.ts";
import { pack } from "./packing.ts";

/** Events whose outcomes stay, and the bytes of one: its id and its outcome. */
export const RECEIPTS = 100_000;
const RECEIPT_BYTES = 32;

/** Enough to tell a full disk from one with room. No chunk has number 0. */
export const PROBE_BYTES = 256 * 1024;

/** The tables of an open file. Every function throws SQLite's errors. */
export interface Tables extends Lookups {
  contents(): Contents;
  /** Writes all of it or nothing, and returns when it is fsynced. How many refused records had to go for newer ones. */
  write(work: Work): number;
  /** Throws where the disk takes nothing. */
  probe(): void;
  /** Bytes of what is not an unsettled chunk. */
  kept(): number;
}

/** `refusedBytes`: the most that refused records may take. */
export function openTables(db: Database, refusedBytes: number): Tables {
  const sql = prepare(db);
  let tally = sql.tally.get() ?? { receipts: 0, refused: 0, answers: 0, damaged: 0 };

  function settle(work: Work, now: typeof tally): void {
    for (const { number, topics, outcomes } of work.partly) {
      const settled = outcomes.length / OUTCOME_BYTES - countStored(outcomes);
      sql.partly.run(settled, JSON.stringify(topics), outcomes, checksumOfOutcomes(outcomes), number);
    }
    for (const { number, topics, outcomes } of work.outcomes) {
      now.receipts += sql.receipt.get(JSON.stringify(topics), outcomes, number)?.count ?? 0;
      sql.dropRecords.run(number);
      sql.dropChunk.run(number);
    }
    while (now.receipts > RECEIPTS) now.receipts -= sql.dropReceipt.get()?.count ?? now.receipts;
  }

  function setAside(work: Work, now: typeof tally): void {
    for (const number of work.damaged) now.damaged += sql.damage.get(number)?.size ?? 0;
    while (now.damaged > refusedBytes) {
      const dropped = sql.dropDamaged.get();
      if (dropped !== null) sql.dropRecords.run(dropped.number);
      now.damaged -= dropped?.size ?? now.damaged;
    }
  }

  function refuse(work: Work, now: typeof tally): number {
    for (const { id, code, text, bytes } of work.refused) {
      sql.refuse.run(Date.now(), id, code, text, bytes);
      now.refused += bytes.length;
    }
    let dropped = 0;
    for (; now.refused > refusedBytes; dropped++) now.refused -= sql.dropRefused.get()?.size ?? now.refused;
    return dropped;
  }

  function answer(work: Work, now: typeof tally): void {
    for (const { size } of sql.dropAnswers.all(work.forget)) now.answers -= size;
    for (const { key, answer: bytes, at } of work.answers) {
      now.answers -= sql.dropAnswer.get(key)?.size ?? 0;
      if (bytes !== undefined) now.answers += sql.answer.get(key, bytes, at)?.size ?? 0;
    }
  }

  const write = db.transaction((work: Work) => {
    const now = { ...tally };
    for (const chunk of work.chunks) {
      const { number, count, keys, ids } = chunk;
      const bytes = pack(chunk.bytes);
      sql.chunk.run(number, count, measure(chunk).size, ids, keys, checksumOf({ ids, keys, bytes }));
      sql.records.run(number, bytes);
      if (bytes !== chunk.bytes) freeBytes(bytes);
    }
    const dropped = refuse(work, now);
    settle(work, now);
    setAside(work, now);
    answer(work, now);
    return { now, dropped };
  });

  return {
    ...createLookup(db),
    contents: () => ({ chunks: sql.chunks.all(), last: sql.last.get()?.last ?? 0, kept: kept() }),
    write(work) {
      const { now, dropped } = write(work);
      tally = now;
      return dropped;
    },
    probe() {
      sql.records.run(0, new Uint8Array(PROBE_BYTES));
      sql.dropRecords.run(0);
    },
    kept,
  };

  function kept(): number {
    return tally.receipts * RECEIPT_BYTES + tally.refused + tally.answers + tally.damaged;
  }
}

type Size = { size: number };
type Count = { count: number };

function prepare(db: Database) {
  return {
    chunk: db.query(
      "INSERT OR REPLACE INTO chunks (number, count, size, ids, keys, checksum) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    records: db.query("INSERT OR REPLACE INTO records VALUES (?, ?)"),
    chunks: db.query<Contents["chunks"][number], []>(
      "SELECT number, count - settled AS count, size, keys FROM chunks WHERE NOT damaged ORDER BY number",
    ),
    last: db.query<{ last: number }, []>(
      "SELECT max(ifnull((SELECT max(number) FROM chunks), 0), ifnull((SELECT max(number) FROM receipts), 0)) AS last",
    ),
    receipt: db.query<Count, [string, Uint8Array, number]>(
      "INSERT INTO receipts SELECT number, count, ids, ?, ? FROM chunks WHERE number = ? RETURNING count",
    ),
    partly: db.query(
      "UPDATE chunks SET settled = ?, topics = ?, outcomes = ?, outcomes_checksum = ? WHERE number = ?",
    ),
    damage: db.query<Size, [number]>(
      "UPDATE chunks SET damaged = 1 WHERE number = ? AND NOT damaged RETURNING size",
    ),
    dropDamaged: db.query<Size & { number: number }, []>(
      "DELETE FROM chunks WHERE number = (SELECT min(number) FROM chunks WHERE damaged) RETURNING number, size",
    ),
    dropRecords: db.query("DELETE FROM records WHERE number = ?"),
    dropChunk: db.query("DELETE FROM chunks WHERE number = ?"),
    dropReceipt: db.query<Count, []>(
      "DELETE FROM receipts WHERE number = (SELECT min(number) FROM receipts) RETURNING count",
    ),
    refuse: db.query("INSERT INTO refused (at, id, code, text, bytes) VALUES (?, ?, ?, ?, ?)"),
    dropRefused: db.query<Size, []>(
      "DELETE FROM refused WHERE sequence = (SELECT min(sequence) FROM refused) RETURNING length(bytes) AS size",
    ),
    answer: db.query<Size, [string, Uint8Array, number]>(
      "INSERT INTO answers VALUES (?, ?, ?) RETURNING length(CAST(key AS BLOB)) + length(answer) AS size",
    ),
    dropAnswer: db.query<Size, [string]>(
      "DELETE FROM answers WHERE key = ? RETURNING length(CAST(key AS BLOB)) + length(answer) AS size",
    ),
    dropAnswers: db.query<Size, [number]>(
      "DELETE FROM answers WHERE at < ? RETURNING length(CAST(key AS BLOB)) + length(answer) AS size",
    ),
    tally: db.query<{ receipts: number; refused: number; answers: number; damaged: number }, []>(
      `SELECT ifnull((SELECT sum(count) FROM receipts), 0) AS receipts,
        ifnull((SELECT sum(length(bytes)) FROM refused), 0) AS refused,
        ifnull((SELECT sum(length(CAST(key AS BLOB)) + length(answer)) FROM answers), 0) AS answers,
        ifnull((SELECT sum(size) FROM chunks WHERE damaged), 0) AS damaged`,
    ),
  };
}
