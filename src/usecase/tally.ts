import { ERROR_KINDS, type ErrorCode } from "../domain/errors.ts";
import type { ProducerStatus } from "../domain/ports.ts";
import { createHistogram, type Histogram, observe } from "./histogram.ts";

/** What became of the events of one type since start. Resolved once by {@link Tally.type}, then only added to. */
export interface TypeTally {
  readonly type: string;
  /** Taken for delivery. */
  accepted: number;
  published: number;
  failed: number;
  readonly failedBy: Record<ErrorCode, number>;
  rejected: number;
  /** Seconds from taking an event to its delivery report; published events only. */
  readonly publishSeconds: Histogram;
}

/**
 * Where events are counted. Times are milliseconds of one monotonic clock and come from the caller:
 * reading a clock costs 30 ns, more than all the counting.
 */
export interface Tally {
  readonly types: readonly TypeTally[];
  readonly rejectedBy: Readonly<Record<ErrorCode, number>>;
  /** Events that were promised or given up at shutdown, and not delivered; they are in `failed` too. */
  readonly lostTotal: number;
  /** Resolves an event type, once and not per event. Throws a RangeError when it was not given at creation. */
  type(name: string): TypeTally;
  accepted(type: TypeTally, count?: number): void;
  /** Counts events that were taken at `start` and are in Kafka at `end`. */
  published(type: TypeTally, start: number, end: number, count?: number): void;
  failed(type: TypeTally, code: ErrorCode, end: number, count?: number): void;
  /** Counts events refused before anything was taken. Their type may be unknown. */
  rejected(code: ErrorCode, type?: TypeTally, count?: number): void;
  lost(count: number): void;
  /** Counts events of an earlier time that were read from disk. Their type may be none of today's. */
  replayed(name: string, delivered: number, failures: ReadonlyMap<ErrorCode, number>): void;
  readonly replayedTotal: number;
  /** The deliveries that ended within the last minute; `errorRate` is 0 to 1, and 0 when there were none. */
  recent(): Recent;
  /** The answer of the statistics endpoint. */
  stats(status: Pick<ProducerStatus, "queuedRecords" | "retries">, spooled?: number): Stats;
}

export interface Recent {
  published: number;
  failed: number;
  errorRate: number;
}

export interface Stats {
  published: number;
  failed: number;
  retries: number;
  rejected: number;
  pending: number;
  spooled: number;
  avg_publish_time_ms: number;
  error_rate: number;
  by_type: Record<
    string,
    Pick<TypeTally, "published" | "failed" | "rejected"> & { avg_publish_time_ms: number }
  >;
}

/** Starts counting at zero. `names` are the event types; `now` is read only when the last minute is asked for. */
export function createTally(names: readonly string[], now = () => performance.now()): Tally {
  const types = names.map(createTypeTally);
  const byName = new Map(types.map((type) => [type.type, type]));
  const rejectedBy = zeroByCode();
  const window = createWindow();
  let lostTotal = 0;
  let replayedTotal = 0;

  const recent = () => window.read(now());

  return {
    types,
    rejectedBy,
    get lostTotal() {
      return lostTotal;
    },
    type(name) {
      const type = byName.get(name);
      if (type === undefined) throw new RangeError(`no event type ${name} is counted`);
      return type;
    },
    accepted(type, count = 1) {
      type.accepted += count;
    },
    published(type, start, end, count = 1) {
      type.published += count;
      observe(type.publishSeconds, (end - start) / 1000, count);
      window.add(end, count, 0);
    },
    failed(type, code, end, count = 1) {
      type.failed += count;
      type.failedBy[code] += count;
      window.add(end, 0, count);
    },
    rejected(code, type, count = 1) {
      rejectedBy[code] += count;
      if (type !== undefined) type.rejected += count;
    },
    lost(count) {
      lostTotal += count;
    },
    replayed(name, delivered, failures) {
      replayedTotal += delivered;
      const type = byName.get(name);
      window.add(now(), delivered, total(failures.values()));
      if (type === undefined) return;
      type.published += delivered;
      for (const [code, count] of failures) {
        type.failed += count;
        type.failedBy[code] += count;
      }
    },
    get replayedTotal() {
      return replayedTotal;
    },
    recent,
    stats: ({ queuedRecords, retries }, spooled = 0) => ({
      published: total(types.map((type) => type.published)),
      failed: total(types.map((type) => type.failed)),
      retries,
      rejected: total(Object.values(rejectedBy)),
      pending: queuedRecords,
      spooled,
      avg_publish_time_ms: averageMs(types),
      error_rate: recent().errorRate,
      by_type: Object.fromEntries(types.map((type) => [type.type, typeStats(type)])),
    }),
  };
}

const createTypeTally = (type: string): TypeTally => ({
  type,
  accepted: 0,
  published: 0,
  failed: 0,
  failedBy: zeroByCode(),
  rejected: 0,
  publishSeconds: createHistogram(),
});

const zeroByCode = () =>
  Object.fromEntries(Object.keys(ERROR_KINDS).map((code) => [code, 0])) as Record<ErrorCode, number>;

const typeStats = (type: TypeTally) => ({
  published: type.published,
  failed: type.failed,
  rejected: type.rejected,
  avg_publish_time_ms: averageMs([type]),
});

/** Rounded to a microsecond. */
function averageMs(types: readonly TypeTally[]): number {
  const published = total(types.map((type) => type.published));
  const seconds = total(types.map((type) => type.publishSeconds.sum));
  return published === 0 ? 0 : Math.round((seconds / published) * 1e6) / 1e3;
}

function total(numbers: Iterable<number>): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

const WINDOW_SECONDS = 60;

/** A ring of one slot a second; a slot is emptied when its second comes round again. */
function createWindow() {
  const seconds = new Float64Array(WINDOW_SECONDS).fill(-Infinity);
  const published = new Float64Array(WINDOW_SECONDS);
  const failed = new Float64Array(WINDOW_SECONDS);

  return {
    add(at: number, publishedCount: number, failedCount: number): void {
      const second = Math.floor(at / 1000);
      const slot = second % WINDOW_SECONDS;
      if (seconds[slot] !== second) {
        seconds[slot] = second;
        published[slot] = 0;
        failed[slot] = 0;
      }
      published[slot]! += publishedCount;
      failed[slot]! += failedCount;
    },
    read(at: number): Recent {
      const oldest = Math.floor(at / 1000) - WINDOW_SECONDS;
      const inWindow = (_: number, slot: number) => seconds[slot]! > oldest;
      const succeeded = total(published.filter(inWindow));
      const failing = total(failed.filter(inWindow));
      return { published: succeeded, failed: failing, errorRate: failing / (failing + succeeded || 1) };
    },
  };
}
