import type { EventType } from "../domain/event.ts";
import { address, boolean, duration, integer, oneOf, size, type Parser, wordOr } from "./units.ts";
import { brokers, eventMappings, origins, path, topic, word } from "./values.ts";

/** One variable of the environment. The README's table is made of these. */
export interface Field<T> {
  readonly name: string;
  readonly default: string;
  readonly parser: Parser<T>;
  /** One or two plain sentences. */
  readonly doc: string;
  /** Its value is never shown. */
  readonly secret?: true;
}

/**
 * Every variable, by its place in {@link Config}.
 * Durations end at 24h because a timer of more than 2^31 ms fires at once.
 */
export const SCHEMA = {
  server: {
    address: {
      name: "SERVER_ADDRESS",
      default: ":8080",
      parser: address,
      doc: "Where the application posts its events.",
    },
    readTimeout: {
      name: "SERVER_READ_TIMEOUT",
      default: "15s",
      parser: duration("1ms", "24h", "15s"),
      // http/listener.ts has the measurements: Bun's timers for headers cannot be set.
      doc: "How long the body of a request may take to arrive. Its headers have a limit of Bun's own, 8 to 12s on a new connection.",
    },
    writeTimeout: {
      name: "SERVER_WRITE_TIMEOUT",
      default: "15s",
      // A timer of Bun's server ends at 255 s (http/listener.ts).
      parser: duration("1ms", "4m", "15s"),
      doc: "The most a post waits for Kafka before it is answered.",
    },
    shutdownTimeout: {
      name: "SERVER_SHUTDOWN_TIMEOUT",
      default: "30s",
      parser: duration("0", "24h", "30s"),
      doc: "How long the drain may take after SIGTERM. Keep it below the Pod's terminationGracePeriodSeconds.",
    },
    maxBody: {
      name: "SERVER_MAX_BODY",
      default: "4MiB",
      parser: size("1KiB", "1GiB", "4MiB"),
      doc: "The largest body of a request, of one event or of many.",
    },
  },
  admission: {
    maxBytes: {
      name: "ADMISSION_MAX_BYTES",
      default: "auto",
      parser: wordOr("auto", size("4MiB", "1024GiB", "256MiB")),
      doc: "The most memory that events may take. `auto`: 3/4 of what the container's limit leaves beside 64MiB; 256MiB without a limit.",
    },
  },
  cors: {
    origins: {
      name: "CORS_ORIGINS",
      default: "",
      parser: origins,
      doc: "The origins whose pages may post from a browser. Empty is none.",
    },
  },
  kafka: {
    brokers: {
      name: "KAFKA_BROKER_LIST",
      default: "localhost:9092",
      parser: brokers,
      doc: "The brokers to begin with. `embedded` starts a mock cluster in the process, for development and tests.",
    },
    topic: {
      name: "KAFKA_TOPIC",
      default: "events",
      parser: topic,
      doc: "The topic of every event type that names no other.",
    },
    clientId: {
      name: "KAFKA_CLIENT_ID",
      default: "producer-service",
      parser: word,
      doc: "The name under which brokers log and limit this client.",
    },
    batchSize: {
      name: "KAFKA_BATCH_SIZE",
      default: "100",
      parser: integer(1, 1_000_000, "100"),
      doc: "The most events in a batch. Unset, a batch takes all that waits, up to 10000, since batches of 100 cost a third of the throughput; 100 then bounds only how many single posts are handed over together.",
    },
    maxRetries: {
      name: "KAFKA_MAX_RETRIES",
      default: "3",
      parser: integer(1, 1000, "3"),
      doc: "How often a batch is sent again that Kafka refused for the moment, or lost with its connection. The idempotent producer needs at least one.",
    },
    retryBackoff: {
      name: "KAFKA_RETRY_BACKOFF",
      default: "100ms",
      parser: duration("1ms", "5s", "100ms"),
      doc: "The wait before the first retry. It doubles with each one, up to 5s.",
    },
    compression: {
      name: "KAFKA_COMPRESSION",
      default: "snappy",
      parser: oneOf("none", "gzip", "snappy", "lz4", "zstd"),
      doc: "How batches are compressed.",
    },
  },
  spool: {
    mode: {
      name: "SPOOL_MODE",
      default: "off",
      parser: oneOf("off", "overflow", "always"),
      doc: "Whether events go to disk: never, while Kafka does not keep up, or each before it is promised.",
    },
    dir: {
      name: "SPOOL_DIR",
      default: "/var/lib/sidepost",
      parser: path,
      doc: "The folder of the spool's file. It is made where it is missing; one process at a time uses it.",
    },
    maxBytes: {
      name: "SPOOL_MAX_BYTES",
      default: "1GiB",
      parser: size("1MiB", "1000GiB", "1GiB"),
      doc: "The most that events on disk may take, counted before they are compressed.",
    },
  },
  log: {
    level: {
      name: "LOG_LEVEL",
      default: "info",
      parser: oneOf("debug", "info", "warn", "error"),
      doc: "The least level that is logged.",
    },
    format: {
      name: "LOG_FORMAT",
      default: "json",
      parser: oneOf("json", "text"),
      doc: "JSON for machines, text for people.",
    },
    sample: {
      name: "LOG_SAMPLE",
      default: "10",
      parser: integer(0, 1_000_000, "10"),
      doc: "How many lines of one kind a second are written in full; one line counts the rest. 0 only counts.",
    },
  },
  metrics: {
    enabled: {
      name: "METRICS_ENABLED",
      default: "true",
      parser: boolean,
      doc: "Whether /metrics is served.",
    },
    address: {
      name: "METRICS_PORT",
      default: ":9090",
      parser: address,
      doc: "Where the kubelet and Prometheus ask: health and metrics.",
    },
  },
  app: {
    name: {
      name: "APP_NAME",
      default: "producer-service",
      parser: word,
      doc: "The CloudEvents `source` of every event.",
    },
    version: {
      name: "APP_VERSION",
      default: "1.0.0",
      parser: word,
      doc: "The application's version, for logs and metrics.",
    },
    env: {
      name: "APP_ENV",
      default: "development",
      parser: oneOf("development", "staging", "production"),
      doc: "Where this runs. `production` refuses the embedded broker.",
    },
  },
  events: {
    types: {
      name: "EVENT_TYPES",
      default: "",
      parser: eventMappings,
      doc: "Events beside user=user_created, order=order_created and payment=payment_created; the same name replaces one of these.",
    },
    format: {
      name: "EVENT_FORMAT",
      default: "structured",
      parser: oneOf("structured", "binary"),
      doc: "A CloudEvent as one JSON object, or its attributes in ce_ headers and the data alone in the value.",
    },
    ack: {
      name: "EVENTS_ACK",
      default: "delivered",
      parser: oneOf("delivered", "accepted"),
      doc: "What a 2xx says when the request does not choose: Kafka has the event, or it is in memory.",
    },
  },
  idempotency: {
    window: {
      name: "IDEMPOTENCY_WINDOW",
      default: "10m",
      parser: duration("1ms", "24h", "10m"),
      doc: "How long the answer to a post with an Idempotency-Key is kept, to be given to the same post again.",
    },
  },
} as const satisfies Record<string, Record<string, Field<unknown>>>;

/** Every {@link Field} in the order of the table. */
export const FIELDS: readonly Field<unknown>[] = Object.values(SCHEMA).flatMap((group) =>
  Object.values<Field<unknown>>(group),
);

/** What the fields parse to, by group. Durations are milliseconds, sizes are bytes. */
export type Values = {
  readonly [G in keyof typeof SCHEMA]: {
    readonly [K in keyof (typeof SCHEMA)[G]]: (typeof SCHEMA)[G][K] extends Field<infer T> ? T : never;
  };
};

/** What the process runs with. Durations are milliseconds, sizes are bytes. */
export type Config = Omit<Values, "kafka" | "events"> & {
  readonly kafka: Omit<Values["kafka"], "brokers"> & {
    /** host:port, comma separated; empty when `embedded`. */
    readonly brokers: string;
    readonly embedded: boolean;
    /** Whether KAFKA_BATCH_SIZE is set, and so bounds the batches on the wire. */
    readonly batchSizeChosen: boolean;
    /** librdkafka's own properties, by their dotted names. */
    readonly properties: Readonly<Record<string, string>>;
  };
  readonly events: Omit<Values["events"], "types"> & { readonly types: readonly EventType[] };
};
