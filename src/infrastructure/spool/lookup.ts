import type { Database } from "bun:sqlite";
import { freeBytes } from "../../domain/buffers.ts";
import { hashesOf, idAt, lastIndexOf, splitIds } from "../../domain/id-hashes.ts";
import { knownOrNull, outcomeAt, STORED } from "../../domain/outcomes.ts";
import type { Chunk, StoredChunk, Trace } from "../../domain/spool.ts";
import { checksumOf, checksumOfOutcomes } from "./checksum.ts";
import { unpack } from "./packing.ts";

/** A chunk that is not settled in any part has neither topics nor outcomes. */
interface Receipt {
  number: number;
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
  /** Of events that were taken together: most lie one behind the other in one chunk, and are found fastest so. */
  find(ids: Uint8Array): (Trace | undefined)[];
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
  ].map(([table, damaged]) => {
    const receipts = `SELECT number, ids, topics, outcomes, ${damaged} FROM ${table}`;
    return {
      having: db.query<Receipt, [Uint8Array]>(`${receipts} WHERE instr(ids, ?) ORDER BY number DESC`),
      before: db.query<Receipt, [number]>(`${receipts} WHERE number < ? ORDER BY number DESC LIMIT 1`),
    };
  });

  function traceAt({ topics, outcomes, damaged }: Receipt, index: number, id: Uint8Array): Trace {
    const unsettled: Trace = { status: damaged ? "damaged" : "stored" };
    if (topics === null || outcomes === null) return unsettled;
    const { code, ...position } = outcomeAt(outcomes, index);
    if (code === STORED) return unsettled;
    if (code !== 0) return { status: "failed", code, text: refused.get(id, code)?.text ?? "" };
    return { status: "delivered", ...known(position), topic: topicAt(topics, position.topic) };
  }

  function findRun(ids: Uint8Array): Trace[] | undefined {
    for (const { having } of places) {
      for (const receipt of having.all(ids)) {
        // SQLite also finds bytes that begin in one id and end in the next.
        const first = lastIndexOf(receipt.ids, ids);
        if (first >= 0) return splitIds(ids).map((id, index) => traceAt(receipt, first + index, id));
      }
    }
    return undefined;
  }

  /** Goes once through all that there is, however many they are. */
  function findEach(wanted: BigUint64Array): Map<bigint, Trace> {
    const traces = new Map<bigint, Trace>();
    const missing = new Set(wanted);
    for (const { before } of places) {
      let receipt = before.get(Number.MAX_SAFE_INTEGER);
      for (; receipt !== null && missing.size > 0; receipt = before.get(receipt.number)) {
        const hashes = hashesOf(receipt.ids);
        for (let index = hashes.length - 1; index >= 0; index--) {
          const hash = hashes[index]!;
          if (missing.delete(hash)) traces.set(hash, traceAt(receipt, index, idAt(receipt.ids, index)));
        }
      }
    }
    return traces;
  }

  function refusedTrace(id: Uint8Array): Trace | undefined {
    const put = refused.get(id, null);
    return put === null ? undefined : { status: "failed", ...put };
  }

  return {
    read(number) {
      const row = records.get(number);
      return row === null ? undefined : storedChunk(row);
    },
    findAnswer: (key) => answers.get(key)?.answer,
    find(ids) {
      const run = findRun(ids);
      if (run !== undefined) return run;
      const hashes = hashesOf(ids);
      if (hashes.length === 1) return [refusedTrace(ids)];
      const traces = findEach(hashes);
      return splitIds(ids).map((id, index) => traces.get(hashes[index]!) ?? refusedTrace(id));
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
  const records = checksumOf({ bytes, keys, ids }) === checksum ? unpack(bytes) : undefined;
  if (records !== bytes) freeBytes(bytes);
  return {
    bytes: records ?? new Uint8Array(0),
    outcomes: trusted ? outcomes : undefined,
    intact: records !== undefined,
  };
}

function topicAt(topics: string, index: number): string {
  const names: unknown = JSON.parse(topics);
  const topic: unknown = Array.isArray(names) ? names[index] : undefined;
  return typeof topic === "string" ? topic : "";
}

function known({ partition, offset, timestamp }: Omit<ReturnType<typeof outcomeAt>, "code">) {
  return { partition, offset: knownOrNull(offset), timestamp: knownOrNull(timestamp) };
}
