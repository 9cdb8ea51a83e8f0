import { SQLiteError } from "bun:sqlite";
import { openTables, PROBE_BYTES, type Tables } from "./file.ts";
import type { Fault, Found, Lookup, Reply, Work } from "./messages.ts";
import { closeFile, giveUp, isDamage, messageOf, openFile, type OpenFile, renewFile } from "./open.ts";
import { DISK_FULL, ensureRoom } from "./room.ts";
import { createTidy, type Tidy } from "./tidy.ts";

/** What the thread does with each message. Nothing of it throws. */
export interface Engine {
  /** Says `opened` or `unopened`. */
  open(folder: string, refusedBytes: number): void;
  /** Says `committed`; after it `opened` or `unopened` where the file was found damaged and set aside. */
  commit(work: Work): void;
  /** Commits what is owed, and tries whether the disk takes anything. Says `probed`, and the rest as `commit`. */
  probe(): void;
  lookUp(lookup: Lookup): Found;
  /** Says `closed`. */
  close(): void;
}

interface Spool {
  file: OpenFile;
  tables: Tables;
  tidy: Tidy;
  /** What is settled and not written, for the disk took nothing. It goes with the next commit. */
  owed: Owed;
}

type Owed = Pick<Work, "outcomes" | "refused" | "forget">;

const NOTHING: Owed = { outcomes: [], refused: [], forget: 0 };

/** `say` gets the replies. */
export function createEngine(say: (reply: Reply) => void): Engine {
  let spool: Spool | undefined;
  let limit = 0;

  const error = (msg: string, fields: Record<string, unknown>): void => say({ kind: "error", msg, fields });
  const onAside = (why: string, path: string): void =>
    error("Spool file set aside; what is in it is not sent, and a new file is begun", { why, path });

  const onDropped = (count: number): void => error("Refused records dropped for newer ones", { count });

  function use(file: OpenFile | string, mayRenew = true): void {
    if (typeof file === "string") return say({ kind: "unopened", problem: file });
    try {
      const tables = openTables(file.db, limit);
      const contents = tables.contents();
      spool = { file, tables, tidy: createTidy(file.db, guard), owed: NOTHING };
      say({ kind: "opened", contents });
    } catch (cause) {
      if (mayRenew && isDamage(cause)) use(renewFile(file, cause, onAside), false);
      else use(giveUp(file, cause));
    }
  }

  /** Tells of the disk's faults; a file that is broken is set aside, and a new one begun. */
  function guard(cause: unknown): void {
    if (spool === undefined || !isDamage(cause))
      return error("Spool file not read or not shrunk", { err: cause });
    const { file, tidy } = spool;
    tidy.stop();
    spool = undefined;
    use(renewFile(file, cause, onAside));
  }

  function commit(kind: "committed" | "probed", work: Work): void {
    if (spool === undefined) return say({ kind, failure: NOT_OPEN, kept: 0 });
    const { tables, tidy } = spool;
    const cause = write(spool, work, kind === "probed", onDropped);
    say({ kind, failure: cause === undefined ? undefined : faultOf(cause), kept: tables.kept() });
    try {
      if (cause !== undefined && isDamage(cause)) throw cause;
      tidy.committed(work.chunks.length > 0);
    } catch (failed) {
      guard(failed);
    }
  }

  return {
    open(folder, refusedBytes) {
      limit = refusedBytes;
      use(openFile(folder, onAside));
    },
    commit: (work) => commit("committed", work),
    probe: () => commit("probed", { ...NOTHING, chunks: [], answers: [] }),
    lookUp(lookup) {
      try {
        return spool === undefined ? {} : look(spool.tables, lookup);
      } catch (cause) {
        guard(cause);
        return {};
      }
    },
    close() {
      try {
        spool?.tidy.stop();
        if (spool !== undefined) write(spool, { ...NOTHING, chunks: [], answers: [] }, false, onDropped);
        if (spool !== undefined) closeFile(spool.file);
      } catch (err) {
        error("Spool file not closed in order; what was committed is in it", { err });
      }
      spool = undefined;
      say({ kind: "closed" });
    },
  };
}

const NOT_OPEN: Fault = { reason: "unwritable", detail: "the spool is not open" };

/** Writes what is owed and `work`; where that fails what is owed alone: it makes room. Returns what was thrown. */
function write(spool: Spool, work: Work, probe: boolean, onDropped: (records: number) => void): unknown {
  const { tables, owed } = spool;
  spool.owed = {
    outcomes: [...owed.outcomes, ...work.outcomes],
    refused: [...owed.refused, ...work.refused],
    forget: Math.max(owed.forget, work.forget),
  };
  const bytes = work.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, probe ? PROBE_BYTES : 0);
  const settleWith = ({ chunks, answers }: Pick<Work, "chunks" | "answers">): void => {
    const dropped = tables.write({ ...spool.owed, chunks, answers });
    spool.owed = NOTHING;
    if (dropped > 0) onDropped(dropped);
  };
  try {
    if (bytes > 0) ensureRoom(spool.file.db, bytes);
    settleWith(work);
    if (probe) tables.probe();
    return undefined;
  } catch (cause) {
    try {
      settleWith({ chunks: [], answers: [] });
    } catch {
      // It stays owed.
    }
    return cause;
  }
}

function look(tables: Tables, lookup: Lookup): Found {
  if (lookup.kind === "find") return { trace: tables.find(lookup.id) };
  return { bytes: lookup.kind === "read" ? tables.read(lookup.number) : tables.findAnswer(lookup.key) };
}

function faultOf(cause: unknown): Fault {
  const full = cause === DISK_FULL || (cause instanceof SQLiteError && cause.code === "SQLITE_FULL");
  return full
    ? { reason: "full", detail: "the disk of the spool is full; make room on it" }
    : { reason: "unwritable", detail: `the spool cannot be written: ${messageOf(cause)}; look at its disk` };
}
