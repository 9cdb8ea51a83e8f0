import { expect, test } from "bun:test";
import { isSecret, isServiceLink, nearMiss, propertyName, settingName } from "../../src/config/names.ts";

const documented = await Bun.file(
  new URL(
    "../../node_modules/@confluentinc/kafka-javascript/deps/librdkafka/CONFIGURATION.md",
    import.meta.url,
  ),
).text();

/** The properties that can be given as text, without the one that belongs to the client. */
const properties = documented
  .split("\n")
  .filter((line) => /^[a-z_.]+ +\|/.test(line) && !line.includes("see dedicated API"))
  .map((line) => line.slice(0, line.indexOf(" ")))
  .filter((name) => name !== "enabled_events");

const variable = (property: string) => `RDKAFKA_${property.toUpperCase().replaceAll(".", "_")}`;

test("every property that librdkafka documents can be reached, from the environment and from a file", () => {
  expect(properties.length).toBeGreaterThan(150);
  for (const property of properties) {
    expect(propertyName(settingName(variable(property)))).toBe(property);
    expect(propertyName(settingName(`${variable(property)}_FILE`))).toBe(property);
  }
});

test("the properties that carry a secret are hidden, and ordinary ones are not", () => {
  const secrets = properties.filter((property) => isSecret(variable(property)));
  expect(secrets).toEqual([
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
  ]);
});

test("a property that sounds like a secret is hidden, and where one lies is not", () => {
  for (const name of ["SASL_PASSWD", "SSL_KEYSTORE_PW", "SASL_API_KEY", "OAUTH_TOKENS"])
    expect({ name, hidden: isSecret(`RDKAFKA_${name}`) }).toEqual({ name, hidden: true });
  for (const name of ["SSL_KEY_LOCATION", "SASL_KERBEROS_KEYTAB", "SOCKET_KEEPALIVE_ENABLE"])
    expect({ name, hidden: isSecret(`RDKAFKA_${name}`) }).toEqual({ name, hidden: false });
});

test.each([
  ["KAFKA_BROKERS", "KAFKA_BROKER_LIST"],
  ["KAFKA_TOPICS", "KAFKA_TOPIC"],
  ["KAFKA_RETRIES", "KAFKA_MAX_RETRIES"],
  ["LOG_LVL", "LOG_LEVEL"],
  ["EVENT_TYPE", "EVENT_TYPES"],
  ["EVENT_ACK", "EVENTS_ACK"],
  ["APP_NAMES_FILE", "APP_NAME_FILE"],
  ["KAFKA_BROKER", "KAFKA_BROKER_LIST"],
  ["METRIC_PORT", "METRICS_PORT"],
  ["LOGLEVEL", "LOG_LEVEL"],
  ["APPNAME", "APP_NAME"],
])("%s was probably meant to be %s", (seen, meant) => {
  expect(nearMiss(seen)).toBe(meant);
});

test.each([
  "APP_NAME",
  "APP_NAME_FILE",
  "APP_KEY",
  "APP_URL",
  "KAFKA_OPTS",
  "KAFKA_HEAP_OPTS",
  "LOG_FILE",
  "PATH",
])("%s is not taken for a misspelling", (name) => {
  expect(nearMiss(name)).toBeUndefined();
});

test.each([
  ["KAFKA_PORT", "tcp://10.0.0.7:9092"],
  ["METRICS_PORT", "tcp://10.0.0.7:9090"],
  ["KAFKA_SERVICE_HOST", "10.0.0.7"],
  ["APP_SERVICE_PORT", "80"],
  ["APP_SERVICE_PORT_HTTP", "80"],
  ["KAFKA_PORT_9092_TCP", "tcp://10.0.0.7:9092"],
  ["KAFKA_PORT_9092_TCP_ADDR", "10.0.0.7"],
])("%s=%s comes from Kubernetes", (name, value) => {
  expect(isServiceLink(name, value)).toBeTrue();
});

test.each([
  ["METRICS_PORT", ":9090"],
  ["KAFKA_TOPIC", "tcp"],
])("%s=%s does not come from Kubernetes", (name, value) => {
  expect(isServiceLink(name, value)).toBeFalse();
});
