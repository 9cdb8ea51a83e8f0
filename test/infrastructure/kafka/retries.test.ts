import { expect, test } from "bun:test";
import type { LogFields, Logger } from "../../../src/domain/logger.ts";
import { createRetryLog } from "../../../src/infrastructure/kafka/retries.ts";

const SETTINGS = { retries: 9, "retry.backoff.ms": 100, "retry.backoff.max.ms": "1000" };

function retryLog() {
  const lines: LogFields[] = [];
  const note = (level: string) => (fields: LogFields, msg: string) =>
    void lines.push({ level, msg, ...fields });
  const logger: Logger = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };
  return { lines, log: createRetryLog(logger, SETTINGS, (code) => `error ${code}`) };
}

test("at first it says how retries are made, with librdkafka's own properties in force", () => {
  expect(retryLog().lines).toEqual([
    {
      level: "info",
      msg: "Kafka producer created",
      max_retries: 9,
      backoff: "100ms",
      max_backoff: "1000ms",
    },
  ]);
});

test("a report is a line where something was sent again since the last one", () => {
  const { lines, log } = retryLog();
  log({ count: 0, retry: 0, code: 0 });
  log({ count: 5, retry: 3, code: 19 });
  log({ count: 5, retry: 3, code: 19 });
  log({ count: 6, retry: 8, code: 7 });
  const line = { level: "warn", msg: "retrying publish" };
  expect(lines.slice(1)).toEqual([
    { ...line, count: 5, attempt: 4, backoff: "400ms", error: "error 19" },
    { ...line, count: 1, attempt: 9, backoff: "1000ms", error: "error 7" },
  ]);
});

test("a retry for a new leader, which is not counted against the batch, waits like the first", () => {
  const { lines, log } = retryLog();
  log({ count: 1, retry: 0, code: 6 });
  expect(lines.at(-1)).toMatchObject({ attempt: 2, backoff: "100ms" });
});
