import type { Logger } from "../../domain/logger.ts";
import type { EventCore } from "./core.ts";

/**
 * Logs that promised events wait for a topic: once, until none of it waits any more. `errorText` is librdkafka's sentence
 * for one of its codes.
 */
export function createPostponedLog(
  logger: Logger,
  errorText: (code: number) => string,
): (topics: ReturnType<EventCore["postponed"]>) => void {
  let told = new Set<string>();
  return (topics) => {
    for (const { topic, events, code } of topics) {
      if (told.has(topic)) continue;
      const fields = { topic, events, code, error: errorText(code) };
      logger.warn(fields, "Kafka turns events down, and those that were promised are tried again");
    }
    told = new Set(topics.map(({ topic }) => topic));
  };
}
