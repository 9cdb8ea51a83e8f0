import type { Database } from "bun:sqlite";
import type { Trace } from "../../domain/spool.ts";
import { unpack } from "./packing.ts";

const ID_BYTES = 8;
const OUTCOME_BYTES = 24;

interface Receipt {
  ids: Uint8Array;
  topics: string;
  outcomes: Uint8Array;
}

/** What can be looked up. Throws SQLite's errors. */
export interface Lookups {
  read(number: number): Uint8Array | undefined;
  find(id: Uint8Array): Trace | undefined;
  findAnswer(key: string): Uint8Array | undefined;
}

/** The newest event of an id counts, and one that is stored before those that are settled. */
export function createLookup(db: Database): Lookups {
  const records = db.query<{ bytes: Uint8Array }, [number]>("SELECT bytes FROM records WHERE number = ?");
  const answers = db.query<{ answer: Uint8Array }, [string]>("SELECT answer FROM answers WHERE key = ?");
  const refused = db.query<{ text: string }, [Uint8Array, number]>(
    "SELECT text FROM refused WHERE id = ? AND code = ? ORDER BY sequence DESC LIMIT 1",
  );
  const chunks = db.query<Pick<Receipt, "ids">, [Uint8Array]>("SELECT ids FROM chunks WHERE instr(ids, ?)");
  const receipts = db.query<Receipt, [Uint8Array]>(
    "SELECT ids, topics, outcomes FROM receipts WHERE instr(ids, ?) ORDER BY number DESC",
  );

  return {
    read(number) {
      const packed = records.get(number)?.bytes;
      return packed && unpack(packed);
    },
    findAnswer: (key) => answers.get(key)?.answer,
    find(id) {
      if (chunks.all(id).some(({ ids }) => indexOf(ids, id) >= 0)) return { status: "stored" };
      for (const receipt of receipts.all(id)) {
        const index = indexOf(receipt.ids, id);
        if (index < 0) continue;
        const { code, ...position } = outcomeAt(receipt, index);
        if (code === 0) return { status: "delivered", ...position };
        return { status: "failed", code, text: refused.get(id, code)?.text ?? "" };
      }
      return undefined;
    },
  };
}

/** The last event with this id; -1 where there is none: SQLite also finds bytes that begin in one id and end in the next. */
function indexOf(ids: Uint8Array, id: Uint8Array): number {
  for (let at = ids.length - ID_BYTES; at >= 0; at -= ID_BYTES)
    if (Buffer.compare(ids.subarray(at, at + ID_BYTES), id) === 0) return at / ID_BYTES;
  return -1;
}

function outcomeAt({ topics, outcomes }: Receipt, index: number) {
  const view = new DataView(outcomes.buffer, outcomes.byteOffset + index * OUTCOME_BYTES, OUTCOME_BYTES);
  const known = (value: number): number | null => (value < 0 ? null : value);
  const names: unknown = JSON.parse(topics);
  const topic: unknown = Array.isArray(names) ? names[view.getUint16(22, true)] : undefined;
  return {
    code: view.getInt16(20, true),
    topic: typeof topic === "string" ? topic : "",
    partition: view.getInt32(16, true),
    offset: known(view.getFloat64(0, true)),
    timestamp: known(view.getFloat64(8, true)),
  };
}
