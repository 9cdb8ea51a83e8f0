import { RdKafka } from "@confluentinc/kafka-javascript";

import type { Config } from "../../config/schema.ts";
import { type Failure, failure } from "../../domain/errors.ts";
import { EVENT_MEMBERS, type EventType, MAX_HEADERS } from "../../domain/event.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Batch, Delivery, Framing, Producer, Settle } from "../../domain/ports.ts";
import { COLUMNS, type EventCore, eventCore, REFUSED } from "./core.ts";
import { kafkaFailure } from "./errors.ts";
import { kafkaOptions } from "./options.ts";
import { brokerCounts } from "./statistics.ts";

const { ERRORS } = RdKafka.CODES;

export interface ProducerOptions {
  config: Pick<Config, "kafka" | "events" | "app">;
  logger: Logger;
  /** Gets each of librdkafka's statistics reports. */
  onStatistics: (json: string) => void;
  /** Called once, at the first answer of a broker. `bootstrap` is where it listens. */
  onContact: (bootstrap: string) => void;
}

/** What waits for a delivery report. */
interface Waiting {
  id: string;
  settle: Settle;
}

// Upstream's connect() asks for metadata and gives the client up if no answer comes in time. Ours is to wait for Kafka
// as long as it takes: 24 days, the most that librdkafka's int of milliseconds holds.
const FOREVER_MS = 2 ** 31 - 1;

export const { librdkafkaVersion } = RdKafka;

/** Starts the client. It is returned at once, and takes events before any broker has answered. */
export async function createProducer(options: ProducerOptions): Promise<Producer> {
  const { config, logger } = options;
  const settings = kafkaOptions(config);
  const client = new RdKafka.Producer(settings as RdKafka.ProducerGlobalConfig);
  const limits = {
    maxMessages: Number(settings["queue.buffering.max.messages"]),
    maxBytes: Number(settings["queue.buffering.max.kbytes"]) * 1024,
  };
  const known = { contacted: false, brokersUp: 0, brokersKnown: 0, retries: 0 };
  let lastError: string | undefined;

  client.on("delivery-report", (error, report) => {
    const { id, settle } = report.opaque as Waiting;
    const key = report.key === null || report.key === undefined ? null : String(report.key);
    settle(error ? { error: kafkaFailure(error.code, error.message) } : (report as Delivery), id, key);
  });
  client.on("event.stats", ({ message }) => {
    Object.assign(known, brokerCounts(message));
    options.onStatistics(message);
  });
  client.on("event.error", (error) => {
    lastError = error.message;
    logger.warn({ code: error.code, detail: error.message }, "Kafka client error");
  });
  client.on("event.log", ({ severity, fac, message }) => {
    const fields = { facility: fac, detail: message };
    if (severity <= 3) logger.error(fields, "Kafka client");
    else if (severity <= 5) logger.warn(fields, "Kafka client");
    else logger.debug(fields, "Kafka client");
  });

  const core = await connect(client, config.kafka.topic, (brokers) => {
    Object.assign(known, { contacted: true, brokersUp: brokers.length, brokersKnown: brokers.length });
    options.onContact(brokers.map(({ host, port }) => `${host}:${port}`).join(","));
  });
  const { types, format } = config.events;
  core.configureEvents({
    ...limits,
    scan: {
      types: types.map(({ name }) => name),
      members: Object.values(EVENT_MEMBERS),
      maxHeaders: MAX_HEADERS,
    },
    events: types.map(({ type, topic }) => ({ type, topic })),
    source: config.app.name,
    binary: format === "binary",
  });
  const indexes = new Map(types.map((type, index) => [type, index]));
  let closed: Promise<void> | undefined;

  const queued = () => (closed ? { messages: 0, bytes: 0 } : core.queued());

  async function flush(ms: number): Promise<boolean> {
    if (closed || queued().messages === 0) return true;
    await new Promise<void>((resolve) => client.flush(ms, () => resolve()));
    return queued().messages === 0;
  }

  return {
    send(body, type, settle) {
      if (closed) return failure("draining", "the producer is closed");
      const waiting: Waiting = { id: "", settle };
      const result = core.produceEvent(body, indexes.get(type) ?? -1, waiting);
      if (typeof result === "number") return refusal(core, result);
      waiting.id = result;
      return result;
    },
    sendBatch(body, framing, settle) {
      if (closed) return failure("draining", "the producer is closed");
      return sendBatch(core, types, body, framing, settle);
    },
    flush,
    async abandon() {
      if (closed || queued().messages === 0) return;
      core.purge();
      await flush(ABANDON_MS);
    },
    close() {
      closed ??= new Promise((resolve) => client.disconnect(0, () => resolve()));
      return closed;
    },
    status() {
      const { messages, bytes } = queued();
      return {
        ...known,
        queuedRecords: messages,
        queuedBytes: bytes,
        hasRoom: messages < limits.maxMessages && bytes < limits.maxBytes,
        ...(lastError === undefined ? {} : { lastError }),
      };
    },
  };
}

/** More than enough for reports that are already on their way. */
const ABANDON_MS = 2000;

/** Resolves when events can be taken, which is long before a broker has answered; `onContact` is called then. */
function connect(
  client: RdKafka.Producer,
  topic: string,
  onContact: (brokers: RdKafka.Metadata["brokers"]) => void,
): Promise<EventCore> {
  client.once("ready", (_, metadata) => onContact(metadata.brokers));
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

function sendBatch(
  core: EventCore,
  types: readonly EventType[],
  body: Uint8Array,
  framing: Framing,
  settle: () => void,
): Batch | Failure {
  const result = core.produceBatch(body, framing === "lines", settle);
  if (typeof result === "number") return refusal(core, result);
  const { table } = result;
  const ids = typeof result.ids === "string" ? result.ids.split("\n").slice(0, -1) : result.ids;
  const typeAt = (index: number) => types[table[index * COLUMNS + 1]!]!;
  return {
    ids,
    typeAt,
    deliveryAt(index) {
      const at = index * COLUMNS;
      const code = table[at]!;
      if (Number.isNaN(code)) return undefined;
      if (code !== 0) return { error: kafkaFailure(code, core.errorText(code)) };
      return {
        topic: typeAt(index).topic,
        partition: table[at + 2]!,
        offset: table[at + 3]!,
        timestamp: table[at + 4]!,
      };
    },
  };
}

function refusal(core: EventCore, code: number): Failure {
  switch (code) {
    case REFUSED.malformed:
      return failure("malformed-body", "the body is not JSON");
    case REFUSED.invalid:
      return failure("invalid-event", "the event is not valid");
    case REFUSED.noRoom:
      return kafkaFailure(ERRORS.ERR__QUEUE_FULL, core.errorText(ERRORS.ERR__QUEUE_FULL));
    default:
      return kafkaFailure(code, core.errorText(code));
  }
}
