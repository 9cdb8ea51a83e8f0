import { countStored } from "../../domain/outcomes.ts";
import { type Chunk, SpoolError } from "../../domain/spool.ts";
import { createFigures, type Figures, type Measure } from "./figures.ts";
import { type Call, createGathering, type Gathering } from "./gathering.ts";
import type { Answer, Contents, Fault, Work } from "./messages.ts";

/** What is settled waits this long for a commit to go with. */
const SETTLE_MS = 100;

/** One commit after the other: what is given while one is under way makes up the next. */
export interface Commits {
  figures: Pick<Figures, "bytes" | "records">;
  append(chunks: readonly Chunk[], measures: readonly Measure[], answers: readonly Answer[]): Promise<void>;
  settle: Gathering["settle"];
  /** The file is open and has this in it. Returns its chunks, but for those that were settled while it was not open. */
  begin(contents: Contents): Contents["chunks"];
  /** It is not any more. Who waits is refused. */
  halt(fault: Fault): void;
  /** The commit that was sent is done, or nothing of it is. Returns whether someone waited: what makes room proves nothing. */
  committed(failure: Fault | undefined, kept: number): boolean;
  /** Resolves when all that was given is done. */
  drain(): Promise<void>;
}

/** `send` hands a commit to the thread, with the buffers that go with it. */
export function createCommits(send: (work: Work, buffers: ArrayBuffer[]) => void): Commits {
  const figures = createFigures();
  const gathering = createGathering();
  let open = false;
  let underWay: Call[] | undefined;
  let timer: Timer | undefined;
  let drained: PromiseWithResolvers<void> | undefined;

  function next(): void {
    clearTimeout(timer);
    timer = undefined;
    if (!open || underWay !== undefined || gathering.wanted() === undefined) return;
    const { work, calls } = gathering.take();
    underWay = calls;
    send(work, buffersOf(work));
  }

  /** At the end of this turn; later where nobody waits for it. */
  function schedule(): void {
    const wanted = gathering.wanted();
    if (wanted === "now" || drained !== undefined) queueMicrotask(next);
    else if (wanted === "soon") timer ??= setTimeout(next, SETTLE_MS);
    if (underWay === undefined && (wanted === undefined || !open)) drained?.resolve();
  }

  function refuse(calls: readonly Call[], { reason, detail }: Fault, unsure = false): void {
    for (const call of calls) {
      figures.remove(call.measures.map(({ number }) => number));
      call.reject(new SpoolError(reason, detail, unsure));
    }
  }

  return {
    figures,
    append(chunks, measures, answers) {
      figures.add(measures);
      const done = gathering.call(chunks, measures, answers);
      schedule();
      return done;
    },
    settle(settled) {
      figures.remove((settled.outcomes ?? []).map(({ number }) => number));
      figures.remove(settled.damaged ?? []);
      for (const { number, outcomes } of settled.partly ?? []) figures.leave(number, countStored(outcomes));
      gathering.settle(settled);
      schedule();
    },
    begin(contents) {
      open = true;
      const settled = gathering.settled();
      const chunks = contents.chunks.filter(({ number }) => !settled.has(number));
      figures.reset({ ...contents, chunks });
      figures.add([...(underWay ?? []).flatMap((call) => call.measures), ...gathering.measures()]);
      schedule();
      return chunks;
    },
    halt(fault) {
      open = false;
      // The thread may have ended between its commit and its word on it.
      const detail = `${fault.detail}; what was sent to it may be in the file, and go to Kafka later`;
      refuse(underWay ?? [], { ...fault, detail }, true);
      const { work, calls } = gathering.take();
      refuse(calls, fault);
      gathering.settle(work);
      underWay = undefined;
      schedule();
    },
    committed(failure, kept) {
      const calls = underWay ?? [];
      underWay = undefined;
      figures.keep(kept);
      if (failure === undefined) for (const call of calls) call.resolve();
      else refuse(calls, failure);
      schedule();
      return calls.length > 0;
    },
    drain() {
      drained = Promise.withResolvers<void>();
      schedule();
      return drained.promise;
    },
  };
}

/** The buffers that are handed over whole; a view of a part is copied. None twice. */
function buffersOf({ chunks, outcomes, partly, refused }: Work): ArrayBuffer[] {
  const views = [
    ...chunks.flatMap(({ bytes, keys, ids }) => [bytes, keys, ids]),
    ...[...outcomes, ...partly].map((outcome) => outcome.outcomes),
    ...refused.map(({ bytes }) => bytes),
  ];
  const whole = views.filter(({ buffer, length }) => buffer.byteLength === length && length > 0);
  return [...new Set(whole.map(({ buffer }) => buffer))].filter((buffer) => buffer instanceof ArrayBuffer);
}
