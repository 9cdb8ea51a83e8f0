import { version } from "../package.json";
import type { Config } from "./config/schema.ts";
import type { Failure } from "./domain/errors.ts";
import type { EventType } from "./domain/event.ts";
import type { Logger } from "./domain/logger.ts";
import type { AnswerStore, Producer } from "./domain/ports.ts";
import type { SpoolFile } from "./domain/spool.ts";
import { createAnswers } from "./http/answer.ts";
import { type Application, createApplication, recovered } from "./http/application.ts";
import { createOriginCheck } from "./http/origin.ts";
import { ADMIN_PATHS, adminRoutes } from "./http/routes/admin.ts";
import { EVENT_PATHS, eventRoutes } from "./http/routes/events.ts";
import { HEALTH_PATHS, healthRoutes } from "./http/routes/health.ts";
import { RECEIPT_PATHS, receiptRoutes } from "./http/routes/receipts.ts";
import { createBatchSizes } from "./infrastructure/batch-sizes.ts";
import { watchEventLoop } from "./infrastructure/event-loop-lag.ts";
import { queueLimits } from "./infrastructure/kafka/options.ts";
import { createProducer, librdkafkaVersion } from "./infrastructure/kafka/producer.ts";
import { createTransactions } from "./infrastructure/kafka/transactions.ts";
import { createMetrics } from "./infrastructure/metrics.ts";
import { spoolReceipts } from "./infrastructure/spool/receipts.ts";
import { createLifecycle, type Lifecycle } from "./lifecycle.ts";
import { createAdmission, EVENTS_SHARE } from "./usecase/admission.ts";
import { type AtomicPublisher, createAtomicPublisher } from "./usecase/atomic.ts";
import { createBooks } from "./usecase/books.ts";
import { keysLimit, memoryBudget } from "./usecase/budget.ts";
import { createEventLog, type EventLog } from "./usecase/eventlog.ts";
import { judgeHealth } from "./usecase/health.ts";
import { createIdempotency } from "./usecase/idempotency.ts";
import { createPublisher } from "./usecase/publish.ts";
import { createReceiptLookup } from "./usecase/receipts.ts";
import { createRequestTally } from "./usecase/request-tally.ts";
import { createTally, type Tally } from "./usecase/tally.ts";
import { answersIn, startSpooling } from "./spool.ts";

/** The service, put together and connected to Kafka, but not yet listening. */
export interface App {
  /** What the application posts to. */
  data: Application;
  /** What the kubelet and Prometheus ask. */
  admin: Application;
  producer: Producer;
  atomic: AtomicPublisher;
  lifecycle: Lifecycle;
  tally: Tally;
  eventLog: EventLog;
  /** The answer to a request whose handler threw. */
  recover: (error: unknown) => Response;
  /** Logs and counts an error that nothing caught; never throws. */
  uncaught: (error: unknown) => void;
  /** Answers every post whose body has not arrived yet: it is not waited for any longer. */
  refuse(): void;
  /** Writes what is not delivered to disk, where there is one. Resolves when it is there, or after `ms` milliseconds. */
  keep(ms: number): Promise<void>;
  /** Events on disk, for the next process. */
  spooled(): number;
  /** Frees what it holds; the producer is closed, too. */
  close(): Promise<void>;
}

export interface Parts {
  logger: Logger;
  /** Begins the end of the process. */
  quit: () => void;
  /** What the container may take, in bytes; undefined where it has no limit. */
  memoryLimit: number | undefined;
  /** Cores that it may use. */
  cpuLimit: number;
}

const SAMPLE_MS = 1000;

/** The one place where the parts meet. Rejects where librdkafka refuses the configuration. */
export async function compose(config: Config, { logger, quit, memoryLimit, cpuLimit }: Parts): Promise<App> {
  const { types } = config.events;
  const batchSizes = createBatchSizes();
  const eventLoop = watchEventLoop();
  const fatalError = () => producer.status().fatalError;
  const lifecycle = createLifecycle({
    hasRoom: () => admission.isOpen(),
    fatalError,
    spoolProblem: () => spooling?.required()?.detail,
  });
  const hasSpool = config.spool.mode !== "off";
  const budget = memoryBudget(config.admission.maxBytes, memoryLimit, hasSpool);
  if (budget.warning) logger.warn({}, budget.warning);
  const limits = queueLimits(config, hasSpool ? budget.bytes * EVENTS_SHARE : budget.bytes);
  const reached = Promise.withResolvers<string>();
  const producer = await createProducer({
    config,
    limits,
    logger,
    onBatches: batchSizes.observe,
    onContact: () => lifecycle.contacted(),
    onReady(bootstrap) {
      reached.resolve(bootstrap);
      logger.info({ bootstrap }, config.kafka.embedded ? "Embedded broker ready" : "Kafka reached");
    },
  });

  // The embedded brokers are the producer's, and nowhere before it has started.
  const bootstrap = config.kafka.embedded ? reached.promise : Promise.resolve(config.kafka.brokers);
  const transactions = createTransactions({ config, limits, logger, bootstrap });

  let file: SpoolFile | undefined;
  let store: AnswerStore | undefined;
  const tally = createTally([...new Set(types.map(({ type }) => type))]);
  const spooling = await startSpooling(config, {
    producer,
    tally,
    logger,
    memoryBytes: limits.maxBytes,
    onFile(opened, claims) {
      file = opened;
      store = answersIn(opened, claims, producer.hashOf, config.idempotency.window);
    },
  });
  const requests = createRequestTally([...EVENT_PATHS, ...RECEIPT_PATHS, ...HEALTH_PATHS, ...ADMIN_PATHS]);
  const eventLog = createEventLog(logger, config.log.sample);
  let uncaughtErrors = 0;
  const closing = new AbortController();
  const answers = createAnswers({ draining: () => lifecycle.draining });
  const { writeTimeout } = config.server;
  const originCheck = createOriginCheck(config.cors.origins);
  const idempotency = createIdempotency({
    ...config.idempotency,
    ...(store === undefined ? {} : { store }),
    maxBytes: keysLimit(budget.bytes),
    spill: () => spooling?.begin("keys fill their memory") === true && spooling.takes(),
  });
  const status = () => {
    const [alone, together] = [producer.status(), transactions.status()];
    return {
      ...alone,
      queuedRecords: alone.queuedRecords + together.queuedRecords,
      queuedBytes: alone.queuedBytes + together.queuedBytes,
    };
  };
  const admission = createAdmission({
    limit: hasSpool ? limits.maxBytes / EVENTS_SHARE : limits.maxBytes,
    maxRecords: limits.maxRecords,
    queue: producer.queue,
    kafkaDown: () => status().brokersUp === 0,
    keys: () => idempotency.memory().bytes,
    spills: () => spooling?.takes() === true,
  });
  const sampling = setInterval(admission.sample, SAMPLE_MS).unref();
  const onRefused = (error: Failure, type?: EventType) => {
    tally.rejected(error.code, type && tally.type(type.type));
    eventLog.rejected(error, type && { event_type: type.type });
  };

  const health = healthRoutes({
    answers,
    notReady: lifecycle.notReady,
    fatalError,
    health: () =>
      judgeHealth(status(), admission.status(), tally.recent(), lifecycle.draining, spooling?.status()),
  });
  const metrics = createMetrics({
    tally,
    requests,
    status,
    renewals: () => transactions.status().renewals,
    spool: () => spooling?.status() ?? { records: 0, bytes: 0 },
    limits: { memory: memoryLimit, cpu: cpuLimit, spool: hasSpool ? config.spool.maxBytes : undefined },
    admission: admission.status,
    ready: () => lifecycle.notReady() === undefined,
    draining: () => lifecycle.draining,
    batchSizes: batchSizes.histogram,
    eventLoopLag: eventLoop.lag,
    uncaughtErrors: () => uncaughtErrors,
    idempotency: idempotency.memory,
    info: { version, librdkafka: librdkafkaVersion, app: config.app.name, app_version: config.app.version },
  });
  const atomic = createAtomicPublisher({
    transactions,
    books: createBooks({ types, tally, eventLog, now: () => performance.now() }),
    maxRetries: config.kafka.maxRetries,
    retryBackoff: config.kafka.retryBackoff,
    maxBytes: limits.maxBytes,
  });
  const events = eventRoutes({
    publisher: createPublisher({ producer, spooling, types, tally, eventLog }),
    idempotency,
    atomic,
    types,
    limits: { ...config.server, closing: closing.signal },
    admission,
    writing: () => spooling?.writing === true,
    wait: config.events.ack === "accepted" ? "no" : writeTimeout,
    longestWait: writeTimeout,
    originCheck,
    requests,
    answers,
    stats: () => tally.stats(status(), spooling?.status().records),
    onRefused,
    recover: (error, { method, url }) => recovered(logger, error, `${method} ${new URL(url).pathname}`),
  });
  const receipts = receiptRoutes(
    answers,
    createReceiptLookup([
      producer.receipts,
      ...(file === undefined ? [] : [spoolReceipts(file, producer.hashOf)]),
    ]),
  );
  const admin = adminRoutes({ answers, quit, originCheck, ...(config.metrics.enabled ? { metrics } : {}) });
  const shared = { answers, logger, requests };

  return {
    data: createApplication({
      ...shared,
      hot: events.posts,
      shortcut: events.shortcut,
      // The fixed path of the statistics before any id.
      routes: [events.others, receipts, health],
      origins: config.cors.origins,
    }),
    admin: createApplication({ ...shared, routes: [health, admin] }),
    producer,
    atomic,
    lifecycle,
    tally,
    eventLog,
    recover: (error) => answers.problem(recovered(logger, error, "unknown")),
    uncaught(error) {
      uncaughtErrors++;
      logger.error({ err: error }, "Uncaught error");
    },
    refuse: () => closing.abort(),
    async keep(ms) {
      if (spooling !== undefined) await Promise.race([spooling.keepAll(), Bun.sleep(ms)]);
    },
    spooled: () => spooling?.status().records ?? 0,
    async close() {
      eventLoop.stop();
      await spooling?.close();
      clearInterval(sampling);
      // The embedded brokers end with the producer.
      await transactions.close();
      await producer.close();
    },
  };
}
