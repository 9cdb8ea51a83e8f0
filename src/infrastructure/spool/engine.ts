import { SQLiteError } from "bun:sqlite";
import { freeBytes } from "../../domain/buffers.ts";
import { openTables, type Tables } from "./file.ts";
import type { Fault, Found, Lookup, Reply, Work } from "./messages.ts";
import { closeFile, giveUp, isDamage, messageOf, openFile, type OpenFile, renewFile } from "./open.ts";
import { DISK_FULL } from "./room.ts";
import { createTidy, type Tidy } from "./tidy.ts";
import { createWriter, NO_WORK, type Writer } from "./writer.ts";

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
  writer: Writer;
  tidy: Tidy;
}

/** The disk's faults at upkeep come with each commit. */
const SILENCE_MS = 10_000;

/** `say` gets the replies. */
export function createEngine(say: (reply: Reply) => void): Engine {
  let spool: Spool | undefined;
  let limit = 0;
  let silent = 0;

  const error = (msg: string, fields: Record<string, unknown>): void => say({ kind: "error", msg, fields });
  const onAside = (why: string, path: string): void =>
    error("Spool file set aside; what is in it is not sent, and a new file is begun", { why, path });

  const onDropped = (count: number): void => error("Refused records dropped for newer ones", { count });

  function use(file: OpenFile | string, mayRenew = true): void {
    if (typeof file === "string") return say({ kind: "unopened", problem: file });
    try {
      const tables = openTables(file.db, limit);
      const contents = tables.contents();
      const writer = createWriter(file.db, tables, onDropped);
      spool = { file, tables, writer, tidy: createTidy(file.db, guard) };
      say({ kind: "opened", contents });
    } catch (cause) {
      if (mayRenew && isDamage(cause)) use(renewFile(file, cause, onAside), false);
      else use(giveUp(file, cause));
    }
  }

  function upkeep(err: unknown): void {
    if (performance.now() < silent) return;
    silent = performance.now() + SILENCE_MS;
    error("Spool file not read or not shrunk", { err });
  }

  /** Tells of the disk's faults, now and then; a file that is broken is set aside, and a new one begun. */
  function guard(cause: unknown): void {
    if (spool === undefined || !isDamage(cause)) return upkeep(cause);
    const { file, tidy } = spool;
    tidy.stop();
    spool = undefined;
    use(renewFile(file, cause, onAside));
  }

  function commit(work: Work | undefined): void {
    const kind = work === undefined ? "probed" : "committed";
    if (spool === undefined) return say({ kind, failure: NOT_OPEN, kept: 0 });
    const { tables, writer, tidy } = spool;
    const cause = work === undefined ? writer.probe() : writer.write(work);
    for (const { bytes } of work?.chunks ?? []) freeBytes(bytes);
    say({ kind, failure: cause === undefined ? undefined : faultOf(cause), kept: tables.kept() });
    try {
      if (cause !== undefined && isDamage(cause)) throw cause;
      tidy.committed(work !== undefined && work.chunks.length > 0);
    } catch (failed) {
      guard(failed);
    }
  }

  return {
    open(folder, refusedBytes) {
      limit = refusedBytes;
      use(openFile(folder, onAside));
    },
    commit,
    probe: () => commit(undefined),
    lookUp(lookup) {
      if (spool === undefined) return { failure: NOT_OPEN };
      try {
        return look(spool.tables, lookup);
      } catch (cause) {
        guard(cause);
        return { failure: { reason: "unreadable", detail: `the spool cannot be read: ${messageOf(cause)}` } };
      }
    },
    close() {
      try {
        spool?.tidy.stop();
        spool?.writer.write(NO_WORK);
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

function look(tables: Tables, lookup: Lookup): Found {
  if (lookup.kind === "find") return { traces: tables.find(lookup.ids) };
  if (lookup.kind === "read") return { chunk: tables.read(lookup.number) };
  return { bytes: tables.findAnswer(lookup.key) };
}

function faultOf(cause: unknown): Fault {
  const full = cause === DISK_FULL || (cause instanceof SQLiteError && cause.code === "SQLITE_FULL");
  return full
    ? { reason: "full", detail: "the disk of the spool is full; make room on it" }
    : { reason: "unwritable", detail: `the spool cannot be written: ${messageOf(cause)}; look at its disk` };
}
