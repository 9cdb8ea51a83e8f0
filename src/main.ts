#!/usr/bin/env bun
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

import { type App, compose } from "./app.ts";
import { ask, HELP, post } from "./cli.ts";
import { describeConfig } from "./config/describe.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import type { Logger } from "./domain/logger.ts";
import { type Listener, listen } from "./http/listener.ts";
import { cgroupLimits } from "./infrastructure/cgroup.ts";
import { cpuLimit } from "./infrastructure/cpu-limit.ts";
import { checkProperty, releaseCode } from "./infrastructure/kafka/core.ts";
import { memoryLimit } from "./infrastructure/memory-limit.ts";
import { createLogger } from "./infrastructure/logger.ts";
import { drain } from "./lifecycle.ts";

/** sysexits.h: the configuration is wrong, and starting again will not help. */
const EX_CONFIG = 78;
const FLUSH_LOG_MS = 1000;
const CLOSE_MS = 1000;
/** By then what only a start needs has run, connecting to Kafka too. */
const STARTED_MS = 1000;
// A terminal signals the whole process group, and `bun run` passes the signal on to us once more a few ms later.
const SAME_SIGNAL_MS = 500;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

const [command = "start", ...args] = process.argv.slice(2);
const readFile = (path: string): string => readFileSync(path, "utf8");
const loaded = loadConfig(process.env, { readFile, checkProperty });

if (["help", "--help", "-h"].includes(command)) {
  console.log(HELP);
} else if ("faults" in loaded) {
  console.error(["The configuration is wrong:", ...loaded.faults.map((fault) => `  ${fault}`)].join("\n"));
  process.exitCode = EX_CONFIG;
} else if (command === "config") {
  console.log(describeConfig(loaded.settings));
} else if (command === "start") {
  await start(loaded.config, loaded.warnings);
} else if (command === "post") {
  process.exitCode = await post(args, loaded.config);
} else {
  process.exitCode = await ask(command, loaded.config);
}

/** The life of the process: compose, listen, wait for a signal, drain, exit. */
async function start(config: Config, warnings: string[]): Promise<void> {
  const logger = await createLogger(config.log);
  for (const warning of warnings) logger.warn({}, warning);
  const { promise: asked, resolve: quit } = Promise.withResolvers<string>();
  for (const name of SIGNALS) process.on(name, () => quit(name));

  const limits = cgroupLimits(readFile);
  const app = await compose(config, {
    logger,
    quit: () => quit("POST /quitquitquit"),
    memoryLimit: memoryLimit(limits),
    cpuLimit: cpuLimit(limits, availableParallelism()),
  }).catch((error) =>
    fail(logger, EX_CONFIG, `The configuration is wrong; librdkafka says: ${messageOf(error)}`),
  );
  // A fault in a timer or a callback has no request to answer: the log has it, and the process goes on.
  process.on("uncaughtException", app.uncaught).on("unhandledRejection", app.uncaught);
  const { intake, admin, lastPost } = await listenWith(app, config).catch((error) =>
    fail(logger, 1, messageOf(error)),
  );
  const { name, version, env } = config.app;
  const places = { data: originOf(intake), admin: originOf(admin) };
  const kafka = { brokers: config.kafka.brokers || "embedded", topic: config.kafka.topic };
  logger.info({ ...places, ...kafka, app: name, app_version: version, env }, "listening");
  setTimeout(releaseCode, STARTED_MS).unref();

  const why = await asked;
  endAtOnceOnSecondSignal(app, logger);
  app.lifecycle.beginDrain();
  const timeout = config.server.shutdownTimeout;
  logger.info({ why, timeout_ms: timeout }, "Draining");
  const idleFor = () => performance.now() - lastPost();
  // Whatever goes wrong in it, the process must end.
  const { producer, atomic, refuse, keep } = app;
  await drain({ timeout, intake, producer, atomic, refuse, keep, idleFor, logger }).catch(app.uncaught);
  await admin.kill();
  await end(app, logger);
}

/** Opens both ports. Rejects with one sentence that names the address, what is wrong with it, and its variable. */
async function listenWith(app: App, { server, metrics }: Config) {
  let lastPost = performance.now();
  const intake = await listen({
    ...server,
    error: app.recover,
    fetch(request) {
      if (request.method === "POST") lastPost = performance.now();
      return app.data.fetch(request);
    },
  }).catch(naming("SERVER_ADDRESS"));
  const admin = await listen({
    address: metrics.address,
    writeTimeout: server.writeTimeout,
    error: app.recover,
    fetch: (request) => app.admin.fetch(request),
  }).catch(naming("METRICS_PORT"));
  return { intake, admin, lastPost: () => lastPost };
}

function naming(variable: string) {
  return (error: unknown) =>
    Promise.reject(new Error(`${messageOf(error)}; set ${variable}`, { cause: error }));
}

type ProcessLogger = Logger & { flush(): Promise<void> };

/** The last line tells everything that happened; the exit code, whether anything was lost. */
async function end(app: App, logger: ProcessLogger): Promise<never> {
  const { queuedRecords: pending } = app.producer.status();
  // Closed first, since librdkafka may have a word to say until then.
  await Promise.race([app.close(), Bun.sleep(CLOSE_MS)]);
  const lost = app.tally.lostTotal + pending;
  app.eventLog.flush();
  logger.info({ ...app.tally.stats(app.producer.status(), app.spooled()), pending, lost }, "Drained");
  return exit(logger, lost === 0 ? 0 : 1);
}

function endAtOnceOnSecondSignal(app: App, logger: ProcessLogger): void {
  const first = performance.now();
  for (const name of SIGNALS) {
    process.removeAllListeners(name);
    process.on(name, () => {
      if (performance.now() - first < SAME_SIGNAL_MS) return;
      const { queuedRecords: left } = app.producer.status();
      logger.error({ why: name, left }, `Second signal: ending at once, ${left} events are left behind`);
      void exit(logger, 1);
    });
  }
}

async function fail(logger: ProcessLogger, code: number, message: string): Promise<never> {
  logger.error({}, message);
  return exit(logger, code);
}

async function exit(logger: ProcessLogger, code: number): Promise<never> {
  await Promise.race([logger.flush(), Bun.sleep(FLUSH_LOG_MS)]);
  process.exit(code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function originOf({ url }: Listener): string {
  return url.replace(/\/$/, "");
}
