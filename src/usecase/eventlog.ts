import type { ErrorCode, Failure } from "../domain/errors.ts";
import type { LogFields, Logger } from "../domain/logger.ts";
import type { Delivered, Failed } from "../domain/receipt.ts";

/**
 * A line per event, sampled: of each kind (what became of it, event type, error code) the first few in a second are
 * written in full, and one line at its end counts the rest.
 */
export interface EventLog {
  /** Resolves an event type, once and not per event. */
  type(name: string): TypeLog;
  /** Logs a post that was refused before anything was taken. */
  rejected(error: Failure, fields?: LogFields): void;
  /** Logs an event that was promised and will not be delivered. Never sampled. */
  lost(event: LostEvent, error: Failure): void;
  /** Logs where the events of a post are whose client left after `ms` without an answer. */
  left(ms: number, fields: LogFields): void;
  /** Writes the counts that wait for the end of their second. */
  flush(): void;
}

export interface LostEvent {
  id: string;
  type: string;
  topic: string;
  /** Undefined where it is not known. */
  key?: string | null | undefined;
}

/** Logs events of one type. `ms` is the duration of all of them; a receipt is asked for only when its line is written. */
export interface TypeLog {
  published(ms: number, count: number, receiptAt: (index: number) => Delivered): void;
  failed(ms: number, code: ErrorCode, count: number, receiptAt: (index: number) => Failed): void;
}

/** Logs to `logger`, at most `sample` lines in full of a kind in each second. */
export function createEventLog(logger: Logger, sample: number): EventLog {
  const sampler = createSampler(sample);
  const rejections = perCode((code) =>
    sampler.kind((count) => logger.warn({ count, code }, "Events rejected")),
  );

  const departures = sampler.kind((count) => logger.warn({ count }, "Clients left before their answers"));

  return {
    type: (name) => createTypeLog(logger, sampler, name),
    rejected(error, fields) {
      if (sampler.take(rejections(error.code), 1) === 0) return;
      logger.warn({ ...fields, code: error.code, detail: error.detail }, "Event rejected");
    },
    lost({ id, type, topic, key }, { code, detail }) {
      logger.error({ event_id: id, event_type: type, topic, key, code, detail }, "Event lost");
    },
    left(ms, fields) {
      if (sampler.take(departures, 1) === 0) return;
      logger.warn({ ...fields, duration: duration(ms) }, "Client left before its answer");
    },
    flush: sampler.flush,
  };
}

function createTypeLog(logger: Logger, sampler: Sampler, event_type: string): TypeLog {
  const publications = sampler.kind((count) =>
    logger.info({ count, event_type }, "Events published successfully"),
  );
  const failures = perCode((code) =>
    sampler.kind((count) => logger.error({ count, event_type, code }, "Events failed")),
  );

  return {
    published(ms, count, receiptAt) {
      const inFull = sampler.take(publications, count);
      for (let index = 0; index < inFull; index++) {
        const { id, topic, partition, offset } = receiptAt(index);
        const fields = { event_id: id, event_type, duration: duration(ms), topic, partition, offset };
        logger.info(fields, "Event published successfully");
      }
    },
    failed(ms, code, count, receiptAt) {
      const inFull = sampler.take(failures(code), count);
      for (let index = 0; index < inFull; index++) {
        const { id, error } = receiptAt(index);
        const fields = { event_id: id, event_type, duration: duration(ms), code, detail: error.detail };
        logger.error(fields, "Event failed");
      }
    },
  };
}

const duration = (ms: number): string => `${ms.toFixed(1)}ms`;

/** One kind for each code that has occurred. */
function perCode(create: (code: ErrorCode) => Kind): (code: ErrorCode) => Kind {
  const kinds = new Map<ErrorCode, Kind>();
  return (code) => {
    const kind = kinds.get(code) ?? create(code);
    kinds.set(code, kind);
    return kind;
  };
}

interface Kind {
  /** Lines that may still be written in full in this second. */
  left: number;
  /** Events counted instead of written. */
  rest: number;
  readonly report: (count: number) => void;
}

type Sampler = ReturnType<typeof createSampler>;

const SECOND = 1000;

/**
 * Seconds start with an event, and end by a timer only if there is a rest to report. While that timer runs no clock is
 * read: an event beyond the sample costs a comparison and an addition.
 */
function createSampler(sample: number) {
  const kinds: Kind[] = [];
  let end = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function startSecond(now: number): void {
    end = now + SECOND;
    for (const kind of kinds) kind.left = sample;
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const kind of kinds) {
      if (kind.rest > 0) kind.report(kind.rest);
      kind.rest = 0;
    }
  }

  return {
    kind(report: Kind["report"]): Kind {
      const kind = { left: sample, rest: 0, report };
      kinds.push(kind);
      return kind;
    },
    /** How many of `count` events to write in full. */
    take(kind: Kind, count: number): number {
      if (timer === undefined) {
        const now = performance.now();
        if (now >= end) startSecond(now);
      }
      const inFull = Math.min(count, kind.left);
      kind.left -= inFull;
      kind.rest += count - inFull;
      if (kind.rest > 0) timer ??= setTimeout(flush, end - performance.now()).unref();
      return inFull;
    },
    flush,
  };
}
