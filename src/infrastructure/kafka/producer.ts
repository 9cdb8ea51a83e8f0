import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { Config } from "../../config/schema.ts";
import { failure } from "../../domain/errors.ts";
import { knownOrNull, STORED } from "../../domain/outcomes.ts";
import { EVENT_MEMBERS, MAX_HEADERS, RESERVED_HEADERS } from "../../domain/event.ts";
import type { Logger } from "../../domain/logger.ts";
import {
  type Delivery,
  type Position,
  type Posted,
  type Producer,
  type ProducerStatus,
  QUEUE,
  type ReceiptSource,
} from "../../domain/ports.ts";
import type { Journal } from "../../domain/spool.ts";
import { sendBatch } from "./batch.ts";
import { connect, logClient } from "./connection.ts";
import { type EventCore, NOWHERE } from "./core.ts";
import { kafkaFailure } from "./errors.ts";
import { createJournal } from "./journal.ts";
import { coreLimits, kafkaOptions, type QueueLimits } from "./options.ts";
import { createPostponedLog } from "./postponed.ts";
import { recentReceipts } from "./recent.ts";
import { refusal } from "./refusal.ts";
import { renewWhenFatal } from "./renewal.ts";
import { createRetryLog } from "./retries.ts";
import { type BatchWindow, readStatistics, type Statistics } from "./statistics.ts";
import { Kafka } from "./upstream.ts";

export interface ProducerOptions {
  config: Pick<Config, "kafka" | "spool" | "events" | "app">;
  limits: QueueLimits;
  logger: Logger;
  /** Gets the batches of each of librdkafka's statistics reports. */
  onBatches: (windows: readonly BatchWindow[]) => void;
  /** Called once, at the first answer of a broker. */
  onContact: () => void;
  /** Called once, when it is known where the brokers listen. */
  onReady: (bootstrap: string) => void;
}

interface AnyPosted extends Posted<AnyPosted> {}

export const { librdkafkaVersion } = Kafka;

/** Between two tries of what Kafka has turned down. */
const RETRY_MS = 500;
/** Between two tries to flush. */
const PAUSE_MS = 50;
/** More than enough for reports that are already on their way. */
const ABANDON_MS = 1000;

/** A producer with what the spool and the receipts ask of it. */
export interface SpoolableProducer extends Producer {
  journal: Journal;
  receipts: ReceiptSource;
  /** By which the spool knows an event's id. */
  hashOf(id: string): Uint8Array;
}

/** Starts the client. It takes events before any broker has answered. Rejects where librdkafka refuses its options. */
export async function createProducer(options: ProducerOptions): Promise<SpoolableProducer> {
  const { config, logger } = options;
  const { types } = config.events;
  const settings = kafkaOptions(config, options.limits);
  const logRetries = createRetryLog(logger, settings, (code) => core.errorText(code));
  const logPostponed = createPostponedLog(logger, (code) => core.errorText(code));
  const client = new Kafka.Producer(settings as RdKafka.ProducerGlobalConfig);
  logClient(client, logger);
  client.on("delivery-report", settleEvent);
  const known = watch(client, ({ retries, batches }) => {
    logRetries(retries);
    options.onBatches(batches);
  });
  const core = await connect(client, config.kafka.topic, (brokers) => {
    Object.assign(known, { brokersUp: brokers.length, brokersKnown: brokers.length });
    options.onReady(brokers.map(({ host, port }) => `${host}:${port}`).join(","));
  });
  core.whenContacted(() => {
    known.contacted = true;
    if (known.brokersKnown === 0) Object.assign(known, { brokersUp: 1, brokersKnown: 1 });
    options.onContact();
  });
  core.configureEvents({
    ...coreLimits(options.limits, settings),
    ...eventOptions(config),
    renewable: true,
  });
  renewWhenFatal(client, core, known, logger);
  const queue = core.queueView();
  const indexes = new Map(types.map((type, index) => [type, index]));
  const trying = setInterval(() => {
    const postponed = core.postponed();
    logPostponed(postponed);
    // While no broker is there, none tells of a topic.
    if (postponed.length > 0) core.tryAgain(known.brokersUp > 0 ? RETRY_MS : 0);
  }, RETRY_MS);
  const holding = handOverTogether(core, config.kafka.batchSize);
  let closed: Promise<void> | undefined;
  let ending = false;

  const queuedRecords = () => (closed ? 0 : queue[QUEUE.records]!);

  // More may be taken while the client flushes, so its word that it is done is not the last.
  async function flush(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    while (queuedRecords() > 0) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => client.flush(left, () => resolve()));
      // What is left has been turned down, and is tried again by the next one.
      if (queuedRecords() > 0) await Bun.sleep(Math.min(left, PAUSE_MS));
    }
    return true;
  }

  return {
    send(body, type, promised, posted) {
      if (ending) return shuttingDown();
      holding.beforeNext();
      const result = core.produceEvent(body, indexes.get(type) ?? -1, posted, promised);
      if (typeof result === "number") return refusal(core, result, body);
      posted.id = result;
      return result;
    },
    sendBatch(body, framing, receipts, settle) {
      if (ending) return shuttingDown();
      return sendBatch(core, types, body, framing, receipts, settle);
    },
    wentToDisk: () => core.wentToDisk(),
    promise: (ids) => core.promise(ids),
    journal: createJournal(core),
    receipts: recentReceipts(core),
    hashOf: (id) => core.hashOf(id),
    flush,
    async abandon() {
      ending = true;
      if (queuedRecords() === 0) return;
      core.purge();
      await flush(ABANDON_MS);
    },
    close() {
      ending = true;
      clearInterval(trying);
      closed ??= new Promise((resolve) => client.disconnect(0, () => resolve()));
      return closed;
    },
    status: () => ({
      ...known,
      queuedRecords: queuedRecords(),
      queuedBytes: closed ? 0 : queue[QUEUE.bytes]!,
    }),
    queue,
  };
}

const shuttingDown = () =>
  failure("draining", "the process is shutting down; nothing was taken", { retryAfter: 1 });

function settleEvent(error: RdKafka.LibrdKafkaError | null, report: RdKafka.DeliveryReport): void {
  const posted = report.opaque as AnyPosted;
  const key = report.key === null || report.key === undefined ? null : String(report.key);
  posted.settle(posted, error ? toFailure(error, report) : toPosition(report), key);
}

const toFailure = (
  { code, message }: RdKafka.LibrdKafkaError,
  { offset }: RdKafka.DeliveryReport,
): Delivery =>
  code === STORED ? { stored: true } : { error: kafkaFailure(code, message), nowhere: offset === NOWHERE };

const toPosition = ({ topic, partition, offset, timestamp }: RdKafka.DeliveryReport): Position => ({
  topic,
  partition,
  offset: knownOrNull(offset),
  timestamp: knownOrNull(timestamp),
});

type Known = Omit<ProducerStatus, "queuedRecords" | "queuedBytes" | "hasRoom">;

/** What the client tells of itself and the cluster, kept up to date. */
function watch(client: RdKafka.Producer, onStatistics: (statistics: Statistics) => void): Known {
  const known: Known = { contacted: false, brokersUp: 0, brokersKnown: 0, retries: 0, renewals: 0 };
  client.on("event.stats", ({ message }) => {
    const statistics = readStatistics(message);
    if (statistics === undefined) return;
    const { brokersUp, brokersKnown, retries } = statistics;
    Object.assign(known, { brokersUp, brokersKnown, retries: retries.count });
    if (known.brokersUp > 0) delete known.lastError;
    onStatistics(statistics);
  });
  client.on("event.error", (error) => {
    const { code, message } = error;
    // "All brokers down" comes after each error that says why.
    const isEcho = code === Kafka.ERRORS.ERR__ALL_BROKERS_DOWN && known.lastError !== undefined;
    if (!isEcho) known.lastError = message;
  });
  return known;
}

/** How the core reads and envelopes events. */
export function eventOptions({ events: { types, format }, app }: ProducerOptions["config"]) {
  return {
    scan: {
      types: types.map(({ name }) => name),
      members: Object.values(EVENT_MEMBERS),
      maxHeaders: MAX_HEADERS,
      reservedHeaders: RESERVED_HEADERS,
    },
    events: types.map(({ type, topic }) => ({ type, topic })),
    source: app.name,
    binary: format === "binary",
  };
}

/**
 * Lets the single events of one turn of the event loop go to librdkafka together, at most `size` of them: each that goes
 * alone wakes the broker's thread with two system calls (18.6 against 15.4 us a respond-async event in all).
 */
function handOverTogether(core: EventCore, size: number): { beforeNext(): void } {
  let held = 0;
  function handOver(): void {
    held = 0;
    core.handOver();
  }
  return {
    beforeNext() {
      if (held >= size) handOver();
      else if (held === 0) setImmediate(handOver);
      held++;
    },
  };
}
