import type { Config } from "./config/schema.ts";
import type { Logger } from "./domain/logger.ts";
import type { AnswerStore } from "./domain/ports.ts";
import type { SpoolFile } from "./domain/spool.ts";
import { createAnswerStore } from "./infrastructure/answer-store.ts";
import { kafkaFailure } from "./infrastructure/kafka/errors.ts";
import type { SpoolableProducer } from "./infrastructure/kafka/producer.ts";
import { openSpool } from "./infrastructure/spool/spool.ts";
import { createSpooling, type Spooling } from "./usecase/spooling.ts";
import type { Tally } from "./usecase/tally.ts";

/** What the spool is put together with. */
export interface SpoolParts {
  producer: SpoolableProducer;
  tally: Tally;
  logger: Logger;
  onFile: (file: SpoolFile) => void;
}

/** How often is looked what has settled and whether Kafka keeps up, in milliseconds. */
const TURN_MS = 100;

/** Opens the spool, where it is not off, and gives what is in it back to the producer. */
export async function startSpooling(config: Config, parts: SpoolParts): Promise<Spooling | undefined> {
  const { mode, dir, maxBytes } = config.spool;
  if (mode === "off") return undefined;
  const { producer, tally, logger, onFile } = parts;
  const spooling = await createSpooling({
    mode,
    journal: producer.journal,
    async open(onOpen) {
      const file = await openSpool({ folder: dir, maxBytes, logger, onOpen });
      onFile(file);
      return file;
    },
    deliveryTimeout: config.server.writeTimeout,
    replayed(type, delivered, failures) {
      const byCode = [...failures].map(([code, count]) => [kafkaFailure(code, "").code, count] as const);
      tally.replayed(type, delivered, new Map(byCode));
    },
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

/** Keeps answers in the file. One that cannot be kept is given all the same; the spool says what is wrong with the disk. */
export const answersIn = (file: SpoolFile): AnswerStore =>
  createAnswerStore({
    findAnswer: file.findAnswer,
    putAnswer: (key, bytes) => void file.putAnswer(key, bytes, Date.now()).catch(() => {}),
  });
