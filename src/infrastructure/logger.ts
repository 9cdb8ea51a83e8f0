import pino from "pino";
import type { Logger } from "../domain/logger.ts";
import { createLogStream, type LogWriter } from "./log-stream.ts";

export interface LoggerOptions {
  level: "debug" | "info" | "warn" | "error";
  /** "json": one object a line. "text": for people, in colour on a terminal. */
  format: "json" | "text";
  /** Default: standard output. */
  destination?: LogWriter;
}

/** Writes lines to `destination`, which may be slow: lines wait for it in memory, within bounds. */
export async function createLogger({
  level,
  format,
  destination = Bun.stdout.writer(),
}: LoggerOptions): Promise<Logger & { flush(): Promise<void> }> {
  const stream = createLogStream(destination, (count) =>
    log.error({ count }, "Log lines dropped: their reader is too slow or gone"),
  );
  const render = format === "text" ? await prettyRenderer() : (line: string) => line;
  const log = pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line) => stream.write(render(line)) },
  );

  return {
    debug: log.debug.bind(log),
    info: log.info.bind(log),
    warn: log.warn.bind(log),
    error: log.error.bind(log),
    flush: stream.flush,
  };
}

/** pino-pretty as a plain function: no stream and no worker thread. Loaded only here: it takes 10 ms and 5 MB. */
async function prettyRenderer(): Promise<(line: string) => string> {
  const { prettyFactory } = await import("pino-pretty");
  return prettyFactory({ singleLine: true });
}
