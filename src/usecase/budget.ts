const MIB = 1024 ** 2;

/**
 * The process itself, warm: 30 MiB resident when idle, 52 after twenty thousand posts, of which 36 are pages of the
 * program's file that the kernel can drop (Bun 1.4.5, x64).
 */
const PROCESS_BYTES = 64 * MIB;

/**
 * The thread of the spool (13 MiB), SQLite's pages, and some MiB of events on their way to disk, which lie there as records,
 * as JavaScript's copy of them and compressed.
 */
const SPOOL_BYTES = 40 * MIB;

/** The rest is for what no request can be charged with: garbage, answers on their way, librdkafka's requests, sockets. */
const SHARE = 0.75;

const LEAST_BYTES = 4 * MIB;

/** Some 250,000 small events, or twenty seconds of 10,000 a second. */
const WITHOUT_LIMIT_BYTES = 256 * MIB;

/** The most bytes that events may hold in memory, and a warning where that does not go well with the container's limit. */
export interface Budget {
  bytes: number;
  warning?: string;
}

/** The budget of ADMISSION_MAX_BYTES; `auto` follows the container's memory limit, in bytes, where there is one. */
export function memoryBudget(
  setting: "auto" | number,
  memoryLimit: number | undefined,
  hasSpool = false,
): Budget {
  if (memoryLimit === undefined) return { bytes: setting === "auto" ? WITHOUT_LIMIT_BYTES : setting };
  const ownBytes = PROCESS_BYTES + (hasSpool ? SPOOL_BYTES : 0);
  const fitting = Math.floor((memoryLimit - ownBytes) * SHARE);
  const bytes = setting === "auto" ? Math.max(LEAST_BYTES, fitting) : setting;
  if (bytes <= fitting) return { bytes };
  const advice = `it may be killed when Kafka is down; the limit should be ${inMib(ownBytes + bytes / SHARE)} or more`;
  return {
    bytes,
    warning: `the memory limit of ${inMib(memoryLimit)} is too small for ${inMib(bytes)} of events: ${advice}`,
  };
}

/** The most of a budget that answers to posts with keys may take, and keys of posts on their way again: 40,000 at most. */
export const keysLimit = (budget: number): number => Math.min(32 * MIB, budget / 8);

/** As people read it: "12.5 MiB". */
export const inMib = (bytes: number): string => `${Math.ceil((bytes / MIB) * 10) / 10} MiB`;
