import type { Database } from "bun:sqlite";
import { freeBytes } from "../../domain/buffers.ts";
import { outcomeAt, STORED } from "../../domain/outcomes.ts";
import type { Chunk, StoredChunk, Trace } from "../../domain/spool.ts";
import { checksumOf, checksumOfOutcomes } from "./checksum.ts";
import { unpack } from "./packing.ts";

const ID_BYTES = 8;

/** A chunk that is not settled in any part has neither topics nor outcomes. */
interface Receipt {
  ids: Uint8Array;
  topics: string | null;
  outcomes: Uint8Array | null;
  damaged: number;
}

interface Row extends Pick<Chunk, "bytes" | "keys" | "ids"> {
  checksum: number;
  outcomes: Uint8Array | null;
  outcomes_checksum: number | null;
}

/** What can be looked up. Throws SQLite's errors. */
export interface Lookups {
  read(number: number): StoredChunk | undefined;
  /** Of events that lie one behind the other in one chunk. */
  find(ids: Uint8Array): Trace[] | undefined;
  findAnswer(key: string): Uint8Array | undefined;
}

/** The newest event of an id counts, and one that is in an unsettled chunk before the others. */
export function createLookup(db: Database): Lookups {
  const records = db.query<Row, [number]>(
    "SELECT bytes, keys, ids, checksum, outcomes, outcomes_checksum FROM records JOIN chunks USING (number) WHERE number = ?",
  );
  const answers = db.query<{ answer: Uint8Array }, [string]>("SELECT answer FROM answers WHERE key = ?");
  const refused = db.query<{ code: number; text: string }, [Uint8Array, number | null]>(
    "SELECT code, text FROM refused WHERE id = ? AND code = ifnull(?, code) ORDER BY sequence DESC LIMIT 1",
  );
  const places = [
    ["chunks", "damaged"],
    ["receipts", "0 AS damaged"],
  ].map(([table, damaged]) =>
    db.query<Receipt, [Uint8Array]>(
      `SELECT ids, topics, outcomes, ${damaged} FROM ${table} WHERE instr(ids, ?) ORDER BY number DESC`,
    ),
  );

  function traceAt({ topics, outcomes, damaged }: Receipt, index: number, id: Uint8Array): Trace {
    const unsettled: Trace = { status: damaged ? "damaged" : "stored" };
    if (topics === null || outcomes === null) return unsettled;
    const { code, ...position } = outcomeAt(outcomes, index);
    if (code === STORED) return unsettled;
    if (code !== 0) return { status: "failed", code, text: refused.get(id, code)?.text ?? "" };
    return { status: "delivered", ...known(position), topic: topicAt(topics, position.topic) };
  }

  return {
    read(number) {
      const row = records.get(number);
      return row === null ? undefined : storedChunk(row);
    },
    findAnswer: (key) => answers.get(key)?.answer,
    find(ids) {
      for (const place of places) {
        for (const receipt of place.all(ids)) {
          const first = indexOf(receipt.ids, ids);
          if (first >= 0) return split(ids).map((id, index) => traceAt(receipt, first + index, id));
        }
      }
      const put = refused.get(ids, null);
      return put === null ? undefined : [{ status: "failed", ...put }];
    },
  };
}

/** Outcomes that are not what was written are as good as none: an event that is sent twice is not lost. */
function storedChunk({
  bytes,
  keys,
  ids,
  checksum,
  outcomes,
  outcomes_checksum: expected,
}: Row): StoredChunk {
  const trusted = outcomes !== null && checksumOfOutcomes(outcomes) === expected;
  const intact = checksumOf({ bytes, keys, ids }) === checksum;
  const records = intact ? unpack(bytes) : bytes;
  if (records !== bytes) freeBytes(bytes);
  return {
    bytes: records,
    outcomes: trusted ? outcomes : undefined,
    intact,
  };
}

const split = (ids: Uint8Array): Uint8Array[] =>
  Array.from({ length: ids.length / ID_BYTES }, (_, index) =>
    ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES),
  );

/** Where these ids were last; -1 where they are not: SQLite also finds bytes that begin in one id and end in the next. */
function indexOf(ids: Uint8Array, wanted: Uint8Array): number {
  for (let at = ids.length - wanted.length; at >= 0; at -= ID_BYTES)
    if (Buffer.compare(ids.subarray(at, at + wanted.length), wanted) === 0) return at / ID_BYTES;
  return -1;
}

function topicAt(topics: string, index: number): string {
  const names: unknown = JSON.parse(topics);
  const topic: unknown = Array.isArray(names) ? names[index] : undefined;
  return typeof topic === "string" ? topic : "";
}

function known({ partition, offset, timestamp }: Omit<ReturnType<typeof outcomeAt>, "code">) {
  const orNull = (value: number): number | null => (value < 0 ? null : value);
  return { partition, offset: orNull(offset), timestamp: orNull(timestamp) };
}
