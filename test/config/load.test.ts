import { expect, test } from "bun:test";
import { loadConfig, type CheckProperty } from "../../src/config/load.ts";
import type { Env } from "../../src/config/settings.ts";

const noFile = (path: string): string => {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`);
};

interface Given {
  files?: Record<string, string>;
  checkProperty?: CheckProperty;
}

const load = (env: Env, { files = {}, checkProperty = () => undefined }: Given = {}) =>
  loadConfig(env, { readFile: (path) => files[path] ?? noFile(path), checkProperty });

function configOf(env: Env, given?: Given) {
  const loaded = load(env, given);
  if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
  return loaded.config;
}

function faultsOf(env: Env, given?: Given): string[] {
  const loaded = load(env, given);
  return "faults" in loaded ? loaded.faults : [];
}

test("an empty environment gives the documented defaults", () => {
  expect(load({})).toMatchObject({ warnings: [] });
  expect(configOf({})).toEqual({
    server: {
      address: { hostname: "", port: 8080 },
      readTimeout: 15_000,
      writeTimeout: 15_000,
      shutdownTimeout: 30_000,
      maxBody: 4_194_304,
    },
    admission: { maxBytes: "auto" },
    cors: { origins: [] },
    kafka: {
      brokers: "localhost:9092",
      embedded: false,
      topic: "events",
      clientId: "producer-service",
      batchSize: 100,
      batchSizeChosen: false,
      maxRetries: 3,
      retryBackoff: 100,
      compression: "snappy",
      properties: {},
    },
    spool: { mode: "off", dir: "/var/lib/sidepost", maxBytes: 2 ** 30 },
    log: { level: "info", format: "json", sample: 10 },
    metrics: { enabled: true, address: { hostname: "", port: 9090 } },
    app: { name: "producer-service", version: "1.0.0", env: "development" },
    events: {
      types: [
        { name: "user", type: "user_created", topic: "events" },
        { name: "order", type: "order_created", topic: "events" },
        { name: "payment", type: "payment_created", topic: "events" },
      ],
      format: "structured",
      ack: "delivered",
    },
    idempotency: { window: 600_000 },
  });
});

test("an empty value is as good as none", () => {
  expect(
    configOf({ KAFKA_TOPIC: "", KAFKA_TOPIC_FILE: "", LOG_LEVEL: undefined, RDKAFKA_LINGER_MS: "" }),
  ).toEqual(configOf({}));
});

test("a mapping adds an event, replaces a built-in one, and goes to KAFKA_TOPIC unless it names a topic", () => {
  const { events } = configOf({
    KAFKA_TOPIC: "main",
    EVENT_TYPES: "refund=payment_refunded@payments,user=user_seen",
  });
  expect(events.types).toEqual([
    { name: "user", type: "user_seen", topic: "main" },
    { name: "order", type: "order_created", topic: "main" },
    { name: "payment", type: "payment_created", topic: "main" },
    { name: "refund", type: "payment_refunded", topic: "payments" },
  ]);
});

test("all faults are reported at once, each with the variable, the value and what is allowed", () => {
  const faults = faultsOf({
    SERVER_READ_TIMEOUT: "15",
    KAFKA_MAX_RETRIES: "0",
    KAFKA_BROKER_LIST: "kafka-0:9092,kafka-1",
    LOG_FORMAT: "xml",
    APP_NAME_FILE: "/run/name",
  });
  expect(faults).toEqual([
    `APP_NAME_FILE="/run/name" cannot be read: ENOENT: no such file or directory, open '/run/name'`,
    'SERVER_READ_TIMEOUT: "15" is not allowed; expected a duration from 1ms to 24h with its unit (ms, s, m, h), such as 15s',
    'KAFKA_BROKER_LIST: "kafka-1" is not allowed; expected embedded, or a comma list of host:port, such as kafka-0:9092,kafka-1:9092',
    'KAFKA_MAX_RETRIES: "0" is not allowed; expected a whole number from 1 to 1000, such as 3',
    'LOG_FORMAT: "xml" is not allowed; expected json or text',
  ]);
});

test("SERVER_WRITE_TIMEOUT ends where the timers of Bun's server do", () => {
  expect(faultsOf({ SERVER_WRITE_TIMEOUT: "4m" })).toEqual([]);
  expect(faultsOf({ SERVER_WRITE_TIMEOUT: "5m" })).toEqual([
    expect.stringContaining('SERVER_WRITE_TIMEOUT: "5m" is not allowed; expected a duration from 1ms to 4m'),
  ]);
});

test("a value is read from a file without its last newline", () => {
  const files = { "/run/topic": "from-file\n", "/run/password": " p\n\r\n" };
  const { kafka } = configOf(
    { KAFKA_TOPIC_FILE: "/run/topic", RDKAFKA_SASL_PASSWORD_FILE: "/run/password" },
    { files },
  );
  expect(kafka.topic).toBe("from-file");
  expect(kafka.properties).toEqual({ "sasl.password": " p\n" });
});

test("a variable and its file together are a fault that shows neither value", () => {
  expect(faultsOf({ RDKAFKA_SASL_PASSWORD: "hunter2", RDKAFKA_SASL_PASSWORD_FILE: "/run/password" })).toEqual(
    ["RDKAFKA_SASL_PASSWORD and RDKAFKA_SASL_PASSWORD_FILE are both set; expected one of them"],
  );
});

test("an empty file is a fault", () => {
  expect(faultsOf({ KAFKA_TOPIC_FILE: "/run/topic" }, { files: { "/run/topic": "\n" } })).toEqual([
    'KAFKA_TOPIC_FILE="/run/topic" is an empty file; expected the value of KAFKA_TOPIC in it',
  ]);
});

test("librdkafka's properties go by their dotted names", () => {
  const { properties } = configOf({ RDKAFKA_LINGER_MS: "5", RDKAFKA_LOG_LEVEL: "7", UNRELATED: "x" }).kafka;
  expect(properties).toEqual({ "linger.ms": "5", log_level: "7" });
});

test("what librdkafka refuses is a fault in its words", () => {
  expect(
    faultsOf(
      { RDKAFKA_LINGER_MS: "soon" },
      { checkProperty: (name) => `Invalid value for configuration property "${name}"` },
    ),
  ).toEqual([
    'RDKAFKA_LINGER_MS: "soon" is not allowed; librdkafka says: Invalid value for configuration property "linger.ms"',
  ]);
});

test("the value of a property that librdkafka does not know is not shown: it may be a misspelt password", () => {
  const checkProperty = (name: string) => `No such configuration property: "${name}"`;
  expect(faultsOf({ RDKAFKA_SASL_PSWD: "hunter2" }, { checkProperty })).toEqual([
    'RDKAFKA_SASL_PSWD is not allowed; librdkafka says: No such configuration property: "sasl.pswd"',
  ]);
});

test("a property that would break a promise is a fault, though librdkafka takes it", () => {
  expect(faultsOf({ RDKAFKA_ACKS: "1", RDKAFKA_BOOTSTRAP_SERVERS: "kafka:9092" })).toEqual([
    'RDKAFKA_ACKS: "1" is not allowed; expected all or -1: "delivered" means on all in-sync replicas',
    'RDKAFKA_BOOTSTRAP_SERVERS: "kafka:9092" is not allowed; KAFKA_BROKER_LIST has the brokers',
  ]);
});

test("a secret that librdkafka refuses is not shown", () => {
  expect(
    faultsOf(
      { RDKAFKA_SSL_KEY_PEM: "hunter2" },
      { checkProperty: (name, value) => `Invalid value "${value}" for "${name}"` },
    ),
  ).toEqual([
    'RDKAFKA_SSL_KEY_PEM: (hidden) is not allowed; librdkafka says: Invalid value "(hidden)" for "ssl.key.pem"',
  ]);
});

test("the embedded broker is for development and staging, not for production", () => {
  expect(configOf({ KAFKA_BROKER_LIST: "embedded" }).kafka).toMatchObject({ brokers: "", embedded: true });
  expect(faultsOf({ KAFKA_BROKER_LIST: "embedded", APP_ENV: "production" })).toEqual([
    expect.stringContaining('KAFKA_BROKER_LIST: "embedded" is not allowed with APP_ENV=production'),
  ]);
});

test.each([
  [":9090", ":9090"],
  ["127.0.0.1:9090", "9090"],
  ["unix:/run/a.sock", "unix:/run/a.sock"],
])("the two listeners %s and %s collide", (server, metrics) => {
  expect(faultsOf({ SERVER_ADDRESS: server, METRICS_PORT: metrics })).toEqual([
    expect.stringContaining("METRICS_PORT is not allowed to be the port of SERVER_ADDRESS"),
  ]);
});

test.each([
  [":0", ":0"],
  ["unix:/run/a.sock", ":9090"],
  ["unix:/run/a.sock", "unix:/run/b.sock"],
])("the two listeners %s and %s go together", (server, metrics) => {
  expect(faultsOf({ SERVER_ADDRESS: server, METRICS_PORT: metrics })).toEqual([]);
});

test("a misspelt variable is warned of, with faults and without", () => {
  const warnings = ["KAFKA_BROKERS is not known; did you mean KAFKA_BROKER_LIST?"];
  expect(load({ KAFKA_BROKERS: "kafka:9092" })).toMatchObject({ config: {}, warnings });
  expect(load({ KAFKA_BROKERS: "kafka:9092", LOG_LEVEL: "loud" })).toMatchObject({ faults: {}, warnings });
});

test("what Kubernetes says of Services called kafka, metrics and rdkafka neither stops nor configures anything", () => {
  const loaded = load({
    KAFKA_PORT: "tcp://10.0.0.7:9092",
    KAFKA_SERVICE_HOST: "10.0.0.7",
    KAFKA_PORT_9092_TCP_PROTO: "tcp",
    METRICS_PORT: "tcp://10.0.0.8:80",
    RDKAFKA_PORT: "tcp://10.0.0.9:80",
  });
  expect(loaded).toMatchObject({
    config: configOf({}),
    warnings: ['METRICS_PORT="tcp://10.0.0.8:80" comes from a Kubernetes Service and is ignored'],
  });
});
