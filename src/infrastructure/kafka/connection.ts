import type { RdKafka } from "@confluentinc/kafka-javascript";

import type { Logger } from "../../domain/logger.ts";
import { type EventCore, eventCore } from "./core.ts";

// Upstream's connect() asks for metadata and gives the client up if no answer comes in time. Ours is to wait for Kafka
// as long as it takes: 24 days, the most that librdkafka's int of milliseconds holds.
const FOREVER_MS = 2 ** 31 - 1;

/** Resolves when events can be taken, which is long before a broker has answered; `onReady` is called when it has. */
export function connect(
  client: RdKafka.Producer,
  topic: string,
  onReady: (brokers: RdKafka.Metadata["brokers"]) => void,
): Promise<EventCore> {
  client.once("ready", (_, metadata) => onReady(metadata.brokers));
  return new Promise((resolve, reject) => {
    let failed = false;
    client.connect({ topic, allTopics: false, timeout: FOREVER_MS }, (error) => {
      failed = Boolean(error);
      if (error) reject(new Error(error.message));
    });
    // Upstream has no event for "the client exists": only for the first metadata, which may be hours away.
    const started = () => {
      if (failed) return;
      if (!client.isConnected()) return void setImmediate(started);
      client.setPollInBackground(true);
      resolve(eventCore(client));
    };
    started();
  });
}

/** librdkafka repeats an error at each of its tries, up to twenty times a second. */
const REPEAT_MS = 10_000;

/** Hands the client's own words to the log: its lines by severity, its errors each code once in a while. */
export function logClient(client: RdKafka.Producer, logger: Logger): void {
  const loggedAt = new Map<number, number>();
  client.on("event.error", ({ code, message }) => {
    const now = performance.now();
    if (now - (loggedAt.get(code) ?? -Infinity) < REPEAT_MS) return;
    loggedAt.set(code, now);
    logger.warn({ code, detail: message }, "Kafka client error");
  });
  client.on("event.log", ({ severity, fac, message }) => {
    const fields = { facility: fac, detail: message };
    // The mock cluster announces itself as a warning, to whoever asked for it.
    if (fac === "MOCK") logger.debug(fields, "Kafka client");
    else if (severity <= 3) logger.error(fields, "Kafka client");
    else if (severity <= 5) logger.warn(fields, "Kafka client");
    else logger.debug(fields, "Kafka client");
  });
}
