import type { Logger } from "../../domain/logger.ts";
import { backoff } from "../../domain/retry.ts";
import type { kafkaOptions } from "./options.ts";
import type { Retries } from "./statistics.ts";

/**
 * Logs how retries are made, and then from each statistics report, one a second by default, what was sent again since the
 * one before: how often, and of the last time which attempt it is, how long it waits (librdkafka adds or takes up to a
 * fifth) and why. `errorText` is librdkafka's sentence for one of its codes.
 */
export function createRetryLog(
  logger: Logger,
  settings: ReturnType<typeof kafkaOptions>,
  errorText: (code: number) => string,
): (retries: Retries) => void {
  const base = Number(settings["retry.backoff.ms"]);
  const cap = Number(settings["retry.backoff.max.ms"]);
  const rules = { max_retries: Number(settings["retries"]), backoff: `${base}ms`, max_backoff: `${cap}ms` };
  logger.info(rules, "Kafka producer created");
  let told = 0;
  return ({ count, retry, code }) => {
    if (count === told) return;
    // A retry because of a new leader is not held against the batch: its wait is that of the first.
    const attempt = Math.max(1, retry) + 1;
    const fields = { count: count - told, attempt, backoff: `${backoff(attempt, base, cap)}ms` };
    logger.warn({ ...fields, error: errorText(code) }, "retrying publish");
    told = count;
  };
}
