import type { Config } from "./config/schema.ts";
import type { Logger } from "./domain/logger.ts";
import { type AnswerStore, QUEUE } from "./domain/ports.ts";
import type { SpoolFile } from "./domain/spool.ts";
import { createAnswerStore } from "./infrastructure/answer-store.ts";
import { kafkaFailure } from "./infrastructure/kafka/errors.ts";
import type { SpoolableProducer } from "./infrastructure/kafka/producer.ts";
import { openSpool } from "./infrastructure/spool/spool.ts";
import { claimedReceipts } from "./infrastructure/spool/receipts.ts";
import { type Claims, createClaims } from "./usecase/claims.ts";
import { createSpooling, type Spooling } from "./usecase/spooling.ts";
import type { Tally } from "./usecase/tally.ts";

/** What the spool is put together with. */
export interface SpoolParts {
  producer: SpoolableProducer;
  tally: Tally;
  logger: Logger;
  /** What events may hold of memory. */
  memoryBytes: number;
  onFile: (file: SpoolFile, claims: Claims) => void;
}

/** How often is looked what has settled and whether Kafka keeps up, in milliseconds. */
const TURN_MS = 100;

/** Opens the spool, where it is not off, and gives what is in it back to the producer. */
export async function startSpooling(config: Config, parts: SpoolParts): Promise<Spooling | undefined> {
  const { mode, dir, maxBytes } = config.spool;
  if (mode === "off") return undefined;
  const { producer, tally, logger, memoryBytes, onFile } = parts;
  const claims = createClaims();
  const spooling = await createSpooling({
    mode,
    journal: producer.journal,
    claims,
    async open(onOpen) {
      const file = await openSpool({ folder: dir, maxBytes, logger, onOpen });
      onFile(file, claims);
      return file;
    },
    // The other half is for live traffic.
    hasRoom: () => producer.queue[QUEUE.bytes]! < memoryBytes / 2,
    deliveryTimeout: config.server.writeTimeout,
    replayed(type, delivered, failures) {
      const byCode = [...failures].map(([code, count]) => [kafkaFailure(code, "").code, count] as const);
      tally.replayed(type, delivered, new Map(byCode));
    },
    lost: tally.lost,
    logger,
  });
  const timer = setInterval(spooling.turn, TURN_MS);
  return {
    ...spooling,
    get writing() {
      return spooling.writing;
    },
    close() {
      clearInterval(timer);
      return spooling.close();
    },
  };
}

/** How often answers that are no use any more are looked for, in milliseconds. */
const FORGET_MS = 60_000;

/**
 * Keeps answers in the file, for so many milliseconds. One that cannot be kept is given all the same; the spool says what is
 * wrong with the disk.
 */
export function answersIn(
  file: SpoolFile,
  claims: Claims,
  hashOf: (id: string) => Uint8Array,
  window: number,
): AnswerStore {
  let forgotten = -Infinity;
  // The disk may have these for a moment still.
  const freed = new Map<string, number>();

  function forget(at: number): void {
    if (at - forgotten < FORGET_MS) return;
    forgotten = at;
    file.forgetAnswers(at - window);
    for (const [key, freedAt] of freed) if (freedAt < at - window) freed.delete(key);
  }

  return createAnswerStore({
    findAnswer: async (key) => (freed.has(key) ? undefined : file.findAnswer(key)),
    putAnswer(key, bytes, at) {
      claims.end(key);
      freed.delete(key);
      forget(at);
      void file.putAnswer(key, bytes, at).catch(() => {});
    },
    putClaim(key, answer, at, ids) {
      freed.delete(key);
      claims.add({ key, answer, at, events: Buffer.concat(ids.map(hashOf)) });
    },
    release(key) {
      if (!claims.end(key)) return;
      freed.set(key, performance.timeOrigin + performance.now());
      file.dropAnswer(key);
    },
    receiptsOf: (ids) => claimedReceipts(file, hashOf, ids),
  });
}
