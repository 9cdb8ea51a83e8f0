import { version } from "../package.json";
import type { Config } from "./config/schema.ts";
import type { Failure } from "./domain/errors.ts";
import type { EventType } from "./domain/event.ts";
import type { Logger } from "./domain/logger.ts";
import type { Producer } from "./domain/ports.ts";
import { createAnswers } from "./http/answer.ts";
import { type Application, createApplication, recovered } from "./http/application.ts";
import { createOriginCheck } from "./http/origin.ts";
import { ADMIN_PATHS, adminRoutes } from "./http/routes/admin.ts";
import { EVENT_PATHS, eventRoutes } from "./http/routes/events.ts";
import { HEALTH_PATHS, healthRoutes } from "./http/routes/health.ts";
import { createBatchSizes } from "./infrastructure/batch-sizes.ts";
import { watchEventLoop } from "./infrastructure/event-loop-lag.ts";
import { queueLimits } from "./infrastructure/kafka/options.ts";
import { createProducer, librdkafkaVersion } from "./infrastructure/kafka/producer.ts";
import { createMetrics } from "./infrastructure/metrics.ts";
import { createLifecycle, type Lifecycle } from "./lifecycle.ts";
import { createAdmission } from "./usecase/admission.ts";
import { memoryBudget } from "./usecase/budget.ts";
import { createEventLog, type EventLog } from "./usecase/eventlog.ts";
import { judgeHealth } from "./usecase/health.ts";
import { createPublisher } from "./usecase/publish.ts";
import { createRequestTally } from "./usecase/request-tally.ts";
import { createTally, type Tally } from "./usecase/tally.ts";

/** The service, put together and connected to Kafka, but not yet listening. */
export interface App {
  /** What the application posts to. */
  data: Application;
  /** What the kubelet and Prometheus ask. */
  admin: Application;
  producer: Producer;
  lifecycle: Lifecycle;
  tally: Tally;
  eventLog: EventLog;
  /** The answer to a request whose handler threw. */
  recover: (error: unknown) => Response;
  /** Frees what it holds; the producer is closed, too. */
  close(): Promise<void>;
}

export interface Parts {
  logger: Logger;
  /** Begins the end of the process. */
  quit: () => void;
  /** What the container may take, in bytes; undefined where it has no limit. */
  memoryLimit: number | undefined;
}

const SAMPLE_MS = 1000;

/** The one place where the parts meet. Rejects where librdkafka refuses the configuration. */
export async function compose(config: Config, { logger, quit, memoryLimit }: Parts): Promise<App> {
  const { types } = config.events;
  const batchSizes = createBatchSizes();
  const eventLoop = watchEventLoop();
  const fatalError = () => producer.status().fatalError;
  const lifecycle = createLifecycle({ hasRoom: () => admission.isOpen(), fatalError });
  const budget = memoryBudget(config.admission.maxBytes, memoryLimit);
  if (budget.warning) logger.warn({}, budget.warning);
  const limits = queueLimits(config, budget.bytes);
  const producer = await createProducer({
    config,
    limits,
    logger,
    onBatches: batchSizes.observe,
    onContact: () => lifecycle.contacted(),
    onReady(bootstrap) {
      logger.info({ bootstrap }, config.kafka.embedded ? "Embedded broker ready" : "Kafka reached");
    },
  });

  const tally = createTally([...new Set(types.map(({ type }) => type))]);
  const requests = createRequestTally([...EVENT_PATHS, ...HEALTH_PATHS, ...ADMIN_PATHS]);
  const eventLog = createEventLog(logger, config.log.sample);
  const answers = createAnswers({ draining: () => lifecycle.draining });
  const { writeTimeout } = config.server;
  const originCheck = createOriginCheck(config.cors.origins);
  const status = () => producer.status();
  const admission = createAdmission({
    limit: limits.maxBytes,
    maxRecords: limits.maxRecords,
    queue: producer.queue,
    kafkaDown: () => status().brokersUp === 0,
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
    health: () => judgeHealth(status(), admission.status(), tally.recent(), lifecycle.draining),
  });
  const metrics = createMetrics({
    tally,
    requests,
    status,
    admission: admission.status,
    ready: () => lifecycle.notReady() === undefined,
    draining: () => lifecycle.draining,
    batchSizes: batchSizes.histogram,
    eventLoopLag: eventLoop.lag,
    info: { version, librdkafka: librdkafkaVersion, app: config.app.name, app_version: config.app.version },
  });
  const events = eventRoutes({
    publisher: createPublisher({ producer, types, tally, eventLog }),
    types,
    limits: config.server,
    admission,
    wait: config.events.ack === "accepted" ? "no" : writeTimeout,
    longestWait: writeTimeout,
    originCheck,
    requests,
    answers,
    stats: () => tally.stats(status()),
    onRefused,
    recover: (error, { method, url }) => recovered(logger, error, `${method} ${new URL(url).pathname}`),
  });
  const admin = adminRoutes({ answers, quit, originCheck, ...(config.metrics.enabled ? { metrics } : {}) });
  const shared = { answers, logger, requests };

  return {
    data: createApplication({
      ...shared,
      hot: events.posts,
      shortcut: events.shortcut,
      routes: [events.others, health],
      origins: config.cors.origins,
    }),
    admin: createApplication({ ...shared, routes: [health, admin] }),
    producer,
    lifecycle,
    tally,
    eventLog,
    recover: (error) => answers.problem(recovered(logger, error, "unknown")),
    async close() {
      eventLoop.stop();
      clearInterval(sampling);
      await producer.close();
    },
  };
}
