#!/usr/bin/env bun
import { readFileSync } from "node:fs";

import { type App, compose } from "./app.ts";
import { ask, HELP } from "./cli.ts";
import { describeConfig } from "./config/describe.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import type { Logger } from "./domain/logger.ts";
import { listen } from "./http/listener.ts";
import { checkProperty } from "./infrastructure/kafka/core.ts";
import { createLogger } from "./infrastructure/logger.ts";
import { drain } from "./lifecycle.ts";

/** sysexits.h: the configuration is wrong, and starting again will not help. */
const EX_CONFIG = 78;
const FLUSH_LOG_MS = 1000;
/** For librdkafka to end its threads, which may hang on a broker that does. */
const CLOSE_MS = 1000;

const [command = "start"] = process.argv.slice(2);
const loaded = loadConfig(process.env, { readFile: (path) => readFileSync(path, "utf8"), checkProperty });

if (command === "help" || command === "--help") {
  console.log(HELP);
} else if ("faults" in loaded) {
  console.error(["The configuration is wrong:", ...loaded.faults.map((fault) => `  ${fault}`)].join("\n"));
  process.exitCode = EX_CONFIG;
} else if (command === "config") {
  console.log(describeConfig(loaded.settings));
} else if (command === "start") {
  await start(loaded.config, loaded.warnings);
} else {
  process.exitCode = await ask(command, loaded.config);
}

/** The life of the process: compose, listen, wait for a signal, drain, exit. */
async function start(config: Config, warnings: string[]): Promise<void> {
  const logger = await createLogger(config.log);
  for (const warning of warnings) logger.warn({}, warning);
  let quit: (why: string) => void = () => {};
  const signal = new Promise<string>((resolve) => (quit = resolve));
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => quit(name));
  let failed = EX_CONFIG;
  try {
    const app = await compose(config, { logger, quit: () => quit("POST /quitquitquit") });
    failed = 1;
    let lastPost = performance.now();
    const intake = await listen({
      ...config.server,
      error: app.recover,
      fetch(request) {
        if (request.method === "POST") lastPost = performance.now();
        return app.data.fetch(request);
      },
    });
    const admin = await listen({
      address: config.metrics.address,
      writeTimeout: config.server.writeTimeout,
      error: app.recover,
      fetch: (request) => app.admin.fetch(request),
    });
    logger.info({ data: originOf(intake.url), admin: originOf(admin.url) }, "listening");

    const why = await signal;
    endAtOnceOnSignal(app, logger);
    app.lifecycle.beginDrain();
    logger.info({ why, timeout_ms: config.server.shutdownTimeout }, "Draining");
    await drain({
      timeout: config.server.shutdownTimeout,
      intake,
      producer: app.producer,
      idleFor: () => performance.now() - lastPost,
      logger,
    });
    await end(app, logger);
  } catch (error) {
    logger.error({ err: error }, error instanceof Error ? error.message : String(error));
    await exit(logger, failed);
  }
}

/** The last line tells everything that happened; the exit code, whether anything was lost. */
async function end(app: App, logger: Logger & { flush(): Promise<void> }): Promise<never> {
  const { queuedRecords: pending } = app.producer.status();
  // Closed first, since librdkafka may have a word to say until then.
  await Promise.race([app.close(), Bun.sleep(CLOSE_MS)]);
  const lost = app.tally.lostTotal + pending;
  app.eventLog.flush();
  logger.info({ ...app.tally.stats(app.producer.status()), pending, lost }, "Drained");
  return exit(logger, lost === 0 ? 0 : 1);
}

function endAtOnceOnSignal(app: App, logger: Logger & { flush(): Promise<void> }): void {
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.removeAllListeners(name);
    process.on(name, () => {
      const { queuedRecords } = app.producer.status();
      logger.error(
        { why: name, left: queuedRecords },
        "Second signal: ending at once, events are left behind",
      );
      void exit(logger, 1);
    });
  }
}

async function exit(logger: { flush(): Promise<void> }, code: number): Promise<never> {
  await Promise.race([logger.flush(), Bun.sleep(FLUSH_LOG_MS)]);
  process.exit(code);
}

function originOf(url: string): string {
  return url.replace(/\/$/, "");
}
