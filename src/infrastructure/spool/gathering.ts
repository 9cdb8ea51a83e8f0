import type { Chunk, Outcomes, Refused, SpoolError } from "../../domain/spool.ts";
import { bytesOfAnswers, type Measure, sizeOf } from "./figures.ts";
import type { Answer, Work } from "./messages.ts";

/** A commit has whole calls until it has this many bytes: those behind it wait for its fsync. */
const COMMIT_BYTES = 8 * 1024 * 1024;

/** Someone who waits for a commit. */
export interface Call {
  measures: readonly Measure[];
  resolve(): void;
  reject(error: SpoolError): void;
}

/** What makes room, and nobody waits for. */
export interface Settled {
  outcomes?: readonly Outcomes[];
  partly?: readonly Outcomes[];
  damaged?: readonly number[];
  refused?: readonly Refused[];
  forget?: number;
}

/** What was given and is not on its way yet. */
export interface Gathering {
  call(chunks: readonly Chunk[], measures: readonly Measure[], answers: readonly Answer[]): Promise<void>;
  settle(settled: Settled): void;
  /** Whether someone waits, or at least something is settled. */
  wanted(): "now" | "soon" | undefined;
  /** The next commit, and who waits for it. */
  take(): { work: Work; calls: Call[] };
  /** The chunks in it. */
  measures(): Measure[];
  /** The numbers of the chunks of which it is given that they are settled. */
  settled(): Set<number>;
}

export function createGathering(): Gathering {
  const calls: (Call & Pick<Work, "chunks" | "answers">)[] = [];
  let settled = nothing();
  const measures = (): Measure[] => calls.flatMap((call) => call.measures);

  /** What is settled, but for chunks that are not in the file yet: outcomes without their chunk are for nothing. */
  function takeSettled(): typeof settled {
    const behind = new Set(measures().map(({ number }) => number));
    const taken = settled;
    settled = nothing();
    if (behind.size === 0) return taken;
    const isBehind = ({ number }: Outcomes): boolean => behind.has(number);
    const isNot = (outcomes: Outcomes): boolean => !isBehind(outcomes);
    settled.outcomes = taken.outcomes.filter(isBehind);
    settled.partly = taken.partly.filter(isBehind);
    return { ...taken, outcomes: taken.outcomes.filter(isNot), partly: taken.partly.filter(isNot) };
  }

  return {
    call(chunks, sizes, answers) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      calls.push({ chunks: [...chunks], answers: [...answers], measures: sizes, resolve, reject });
      return promise;
    },
    settle({ outcomes = [], partly = [], damaged = [], refused = [], forget = 0 }) {
      for (const outcome of outcomes) settled.outcomes.push(outcome);
      for (const outcome of partly) settled.partly.push(outcome);
      settled.damaged.push(...damaged);
      for (const record of refused) settled.refused.push(record);
      settled.forget = Math.max(settled.forget, forget);
    },
    wanted() {
      if (calls.length > 0) return "now";
      const { outcomes, partly, damaged, refused, forget } = settled;
      const lists = [outcomes, partly, damaged, refused];
      return forget > 0 || lists.some(({ length }) => length > 0) ? "soon" : undefined;
    },
    take() {
      let size = 0;
      const isLast = ({ measures: sizes, answers }: (typeof calls)[number]): boolean =>
        (size += sizeOf(sizes) + bytesOfAnswers(answers)) >= COMMIT_BYTES;
      const last = calls.findIndex(isLast);
      const taken = calls.splice(0, last < 0 ? calls.length : last + 1);
      const chunks = taken.flatMap((call) => call.chunks);
      const answers = taken.flatMap((call) => call.answers);
      return { work: { ...takeSettled(), chunks, answers }, calls: taken };
    },
    measures,
    settled: () => new Set(settled.outcomes.map(({ number }) => number)),
  };
}

const nothing = (): Pick<Work, "outcomes" | "partly" | "damaged" | "refused" | "forget"> => ({
  outcomes: [],
  partly: [],
  damaged: [],
  refused: [],
  forget: 0,
});
