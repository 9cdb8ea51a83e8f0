import type {
  Chunk,
  FoundChunk,
  Outcomes,
  Refused,
  SpoolError,
  StoredChunk,
  Trace,
} from "../../domain/spool.ts";

/** What goes to disk together. */
export interface Work {
  chunks: Chunk[];
  outcomes: Outcomes[];
  /** Of chunks that are not settled yet. */
  partly: Outcomes[];
  /** Numbers of chunks that are not what was written. */
  damaged: number[];
  refused: Refused[];
  answers: Answer[];
  /** Answers taken before go; milliseconds since the epoch. */
  forget: number;
}

export interface Answer {
  key: string;
  /** Undefined: the key has none any more. */
  answer: Uint8Array | undefined;
  at: number;
}

/** What is asked of the thread. A lookup carries a number of its own, and so does what was found. */
export type Request =
  | { kind: "open"; folder: string; refusedBytes: number }
  | { kind: "commit"; work: Work }
  | { kind: "probe" }
  | { kind: "close" }
  | ({ call: number } & Lookup);

export type Lookup =
  { kind: "read"; number: number } | { kind: "find"; ids: Uint8Array } | { kind: "findAnswer"; key: string };

/** What the thread says. */
export type Reply =
  | { kind: "opened"; contents: Contents }
  | { kind: "unopened"; problem: string }
  | { kind: "committed" | "probed"; failure: Fault | undefined; kept: number }
  | ({ kind: "found"; call: number } & Found)
  | { kind: "error"; fields: Record<string, unknown>; msg: string }
  | { kind: "closed" };

export type Fault = Pick<SpoolError, "reason" | "detail">;

export interface Found {
  /** Why it cannot be said whether there is anything. */
  failure?: Fault | undefined;
  bytes?: Uint8Array | undefined;
  chunk?: StoredChunk | undefined;
  traces?: (Trace | undefined)[];
}

/** What a file holds when it is opened. */
export interface Contents {
  /** The unsettled chunks in order; `size` is all their bytes. */
  chunks: (FoundChunk & { size: number })[];
  /** The highest number in the file; 0 in a new one. */
  last: number;
  /** Bytes of what is not an unsettled chunk. */
  kept: number;
}
