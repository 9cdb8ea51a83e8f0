import type { Logger } from "../../domain/logger.ts";
import { type FoundChunk, SpoolError, type SpoolFile } from "../../domain/spool.ts";
import { createCommits } from "./commits.ts";
import { createComplaint } from "./complaint.ts";
import { createDrops } from "./drops.ts";
import { bytesOfAnswers, measure, sizeOf } from "./figures.ts";
import type { Contents, Fault, Found, Lookup, Reply } from "./messages.ts";
import { startThread, type Thread } from "./thread.ts";

/** A file that cannot be opened or written is tried again. */
const RETRY_MS = 1000;
const CLOSED = new SpoolError("closed", "the spool is closed");

export interface SpoolOptions {
  /** Where `spool.db` is, or will be. It is made where it is missing. */
  folder: string;
  /** See `SpoolStatus.bytes`. The files are larger: by unused parts of pages, and by some 32 MiB of WAL and free pages. */
  maxBytes: number;
  logger: Logger;
  /**
   * Called when the file is open, with the unsettled chunks in it and the highest number it knows: new ones must be higher.
   * Called again, with what is then there, when a damaged file was given up for a new one.
   */
  onOpen(found: FoundChunk[], last: number): void;
}

/** Resolves when the file is open, or could not be opened: then it is tried each second. Never rejects. */
export async function openSpool({ folder, maxBytes, logger, onOpen }: SpoolOptions): Promise<SpoolFile> {
  const trouble = createComplaint(logger);
  const commits = createCommits((work, buffers) => thread?.post({ kind: "commit", work }, buffers));
  const drops = createDrops(
    (key) => commits.append([], [], [{ key, answer: undefined, at: 0 }]),
    () => closing !== undefined,
    RETRY_MS,
  );
  const tried = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let thread: Thread | undefined;
  let open = false;
  let closing: Promise<void> | undefined;
  let timer: Timer | undefined;

  function take(reply: Exclude<Reply, { kind: "found" }>): void {
    if (reply.kind === "opened") opened(reply.contents);
    else if (reply.kind === "unopened") unopened(reply.problem);
    else if (reply.kind === "committed") {
      if (commits.committed(reply.failure, reply.kept) || reply.failure !== undefined) judge(reply.failure);
    } else if (reply.kind === "probed") judge(reply.failure);
    else if (reply.kind === "error") logger.error(reply.fields, reply.msg);
    else closed.resolve();
  }

  function judge(failure: Fault | undefined): void {
    if (failure === undefined) trouble.settle("Spool takes events again");
    else complain("Spool takes no events", failure.detail);
  }

  function opened(contents: Contents): void {
    open = true;
    trouble.settle("Spool open");
    const found = commits.begin(contents);
    onOpen(found, contents.last);
    tried.resolve();
  }

  function unopened(problem: string): void {
    open = false;
    complain("Spool not open", problem);
    commits.halt({ reason: "unwritable", detail: problem });
    tried.resolve();
  }

  /** Tells what is wrong, and tries again in a second. */
  function complain(msg: string, detail: string): void {
    trouble.raise(msg, detail);
    timer ??= setTimeout(() => {
      timer = undefined;
      if (closing === undefined) attempt();
    }, RETRY_MS);
  }

  function attempt(): void {
    thread ??= startThread(take, (why) => {
      thread = undefined;
      closed.resolve();
      unopened(`the thread of the spool ended: ${why}`);
    });
    thread.post(open ? { kind: "probe" } : { kind: "open", folder, refusedBytes: maxBytes / 10 });
  }

  const fits = (bytes: number): boolean => commits.figures.bytes() + bytes <= maxBytes;

  /** That there is nothing must not be said where that is not known. */
  async function ask(lookup: Lookup): Promise<Found> {
    if (!open || thread === undefined) throw new SpoolError("unreadable", problem());
    const found = await thread.ask(lookup);
    if (found.failure !== undefined) throw new SpoolError(found.failure.reason, found.failure.detail);
    return found;
  }

  const problem = (): string => trouble.detail() ?? "the spool is not open";

  /** Why so many bytes cannot be taken. */
  function refusal(bytes: number): SpoolError | undefined {
    if (closing !== undefined) return CLOSED;
    if (!open) return new SpoolError("unwritable", problem());
    if (fits(bytes)) return undefined;
    const held = `the spool has ${commits.figures.bytes()} bytes of ${maxBytes}`;
    return new SpoolError(
      "full",
      `${held}, and no room for ${bytes}; raise SPOOL_MAX_BYTES, or see why Kafka is slow`,
    );
  }

  async function close(): Promise<void> {
    clearTimeout(timer);
    await commits.drain();
    thread?.post({ kind: "close" });
    await closed.promise;
    thread?.stop();
    open = false;
  }

  attempt();
  await tried.promise;
  return {
    async append(chunks, claims = []) {
      const measures = chunks.map(measure);
      const error = refusal(sizeOf(measures) + bytesOfAnswers(claims));
      if (error) throw error;
      const keys = claims.map(({ key }) => key);
      await drops.replacing(keys, () => commits.append(chunks, measures, claims));
    },
    settle: (outcomes) => commits.settle({ outcomes }),
    settlePartly: (partly) => commits.settle({ partly }),
    setAside: (damaged) => commits.settle({ damaged }),
    refuse: (refused) => commits.settle({ refused }),
    read: async (number) => (await ask({ kind: "read", number })).chunk,
    find: async (id) => (await ask({ kind: "find", ids: id })).traces?.[0],
    findTogether: async (ids) => (await ask({ kind: "find", ids })).traces ?? [],
    async putAnswer(key, answer, at) {
      const answers = [{ key, answer, at }];
      const error = refusal(bytesOfAnswers(answers));
      if (error) throw error;
      await drops.replacing([key], () => commits.append([], [], answers));
    },
    dropAnswer: drops.drop,
    findAnswer: async (key) => (await ask({ kind: "findAnswer", key })).bytes,
    forgetAnswers: (before) => commits.settle({ forget: before }),
    hasRoom: (bytes) => open && trouble.detail() === undefined && fits(bytes),
    status() {
      const detail = trouble.detail();
      return {
        open,
        ...(detail === undefined ? {} : { problem: detail }),
        bytes: commits.figures.bytes(),
        records: commits.figures.records(),
      };
    },
    close: () => (closing ??= close()),
  };
}
