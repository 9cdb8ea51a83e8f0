import type { EventEmitter } from "node:events";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { waitUntil } from "../helpers/wait.ts";
import { connect, deliver, disconnect, newProducer, rejected, thrown } from "./support.ts";
import { type SecureKafka, startSecureKafka } from "./secure-kafka.ts";

let kafka: SecureKafka;
beforeAll(async () => {
  kafka = await startSecureKafka();
}, 90_000);
afterAll(() => kafka?.[Symbol.asyncDispose]());

const ERRORS = RdKafka.CODES.ERRORS;
const sasl = (mechanism: string, properties: Record<string, unknown> = {}) => ({
  "bootstrap.servers": kafka.sasl,
  "security.protocol": "sasl_plaintext",
  "sasl.mechanisms": mechanism,
  log_level: 0,
  ...properties,
});
const password = (word: string) => ({ "sasl.username": "alice", "sasl.password": word });

/** An unsigned token, as a broker without a validator takes it. */
function token(lifetimeMs: number, subject = "alice") {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Date.now();
  const claims = { sub: subject, iat: now / 1000 - 1, exp: (now + lifetimeMs) / 1000 };
  return {
    tokenValue: `${part({ alg: "none" })}.${part(claims)}.`,
    lifetime: now + lifetimeMs,
    principal: subject,
  };
}

for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]) {
  test(`${mechanism} lets the right password in`, () => deliver(sasl(mechanism, password("alice-secret"))));
}

test("a wrong password keeps the producer out, and is an error event with its code", async () => {
  const producer = newProducer(sasl("PLAIN", password("guessed")));
  const codes: number[] = [];
  producer.on("event.error", ({ code }) => void codes.push(code));
  const refused = rejected(connect(producer, { timeout: 2000 }));
  await waitUntil(
    () => (producer.isConnected() ? true : undefined),
    5000,
    () => new Error("no client"),
  );
  producer.setPollInBackground(true);
  expect((await refused)?.code).toBeOneOf([ERRORS.ERR__TRANSPORT, ERRORS.ERR__TIMED_OUT]);
  expect(codes).toContain(ERRORS.ERR__AUTHENTICATION);
}, 15_000);

test("credentials set before the first login are the ones that count", async () => {
  const producer = newProducer(sasl("PLAIN", password("to be replaced")));
  producer.setSaslCredentials("alice", "ignored without a connection");
  const connecting = connect(producer, { timeout: 10_000 });
  await waitUntil(
    () => (producer.isConnected() ? true : undefined),
    5000,
    () => new Error("no client"),
  );
  producer.setSaslCredentials("alice", "alice-secret");
  expect((await connecting).brokers).toHaveLength(1);
  await disconnect(producer);
  const client = newProducer(sasl("PLAIN", password("x"))).getClient();
  expect(thrown(() => client.setSaslCredentials("a", "b"))?.code).toBe(ERRORS.ERR__STATE);
  expect(() => client.setSaslCredentials("a")).toThrow("2nd parameter must be a password string");
}, 15_000);

test("a token comes by callback, asked for without polling, with the configured text", async () => {
  const asked: string[] = [];
  await deliver(
    sasl("OAUTHBEARER", {
      "sasl.oauthbearer.config": "scope=events",
      oauthbearer_token_refresh_cb: (config: string, done: (error: unknown, token: unknown) => void) => {
        asked.push(config);
        done(null, token(60_000));
      },
    }),
  );
  expect(asked).toEqual(["scope=events"]);
}, 15_000);

test("a token comes by promise, and is asked for again before it ends", async () => {
  let asked = 0;
  const producer = newProducer(
    sasl("OAUTHBEARER", {
      oauthbearer_token_refresh_cb: async () => {
        asked++;
        return { ...token(2000), extensions: { traceId: "abc" } };
      },
    }),
  );
  await connect(producer);
  await waitUntil(
    () => (asked >= 3 ? true : undefined),
    10_000,
    () => new Error(`asked ${asked} times`),
  );
  await disconnect(producer);
}, 20_000);

test("a token that cannot be had is an error event, and the next attempt may bring it", async () => {
  let asked = 0;
  const producer = newProducer(
    sasl("OAUTHBEARER", {
      oauthbearer_token_refresh_cb: async () => {
        if (asked++ === 0) throw new Error("no issuer");
        return token(60_000);
      },
    }),
  );
  const errors: string[] = [];
  (producer as EventEmitter).on("error", (error: Error) => void errors.push(error.message));
  // librdkafka asks again ten seconds after a failure.
  await connect(producer, { timeout: 20_000 });
  expect(errors).toEqual(["oauthbearer_token_refresh_cb: no issuer"]);
  expect(asked).toBe(2);
  await disconnect(producer);
}, 30_000);

test("a token of a wrong form is the callback's error", async () => {
  const producer = newProducer(
    sasl("OAUTHBEARER", {
      oauthbearer_token_refresh_cb: async () => ({ ...token(60_000), extensions: { "bad key!": "x" } }),
    }),
  );
  const error = new Promise<Error>((resolve) => void (producer as EventEmitter).once("error", resolve));
  const connecting = rejected(connect(producer, { timeout: 1500 }));
  expect((await error).message).toStartWith("oauthbearer_token_refresh_cb: ");
  expect(await connecting).toBeDefined();
}, 15_000);

test("TLS works where the certificate is trusted", () =>
  deliver({
    "bootstrap.servers": kafka.tls,
    "security.protocol": "ssl",
    "ssl.ca.location": kafka.certificate,
    log_level: 0,
  }));

test("TLS refuses a certificate that nobody vouched for", async () => {
  const lines: string[] = [];
  const producer = newProducer({ "bootstrap.servers": kafka.tls, "security.protocol": "ssl", log_level: 3 });
  producer.on("event.log", ({ message }) => void lines.push(message));
  expect((await rejected(connect(producer, { timeout: 1000 })))?.code).toBe(ERRORS.ERR__TRANSPORT);
  expect(lines.join("\n")).toContain("certificate verify failed");
});

test("TLS refuses a name that is not the certificate's", async () => {
  const port = kafka.tls.split(":")[1];
  const lines: string[] = [];
  const producer = newProducer({
    "bootstrap.servers": `localhost:${port}`,
    "broker.address.family": "v4",
    "security.protocol": "ssl",
    "ssl.ca.location": kafka.certificate,
    log_level: 3,
  });
  producer.on("event.log", ({ message }) => void lines.push(message));
  expect((await rejected(connect(producer, { timeout: 1000 })))?.code).toBe(ERRORS.ERR__TRANSPORT);
  expect(lines.join("\n")).toMatch(/hostname mismatch|certificate verify failed/i);
});

test("a certificate that cannot be read is the connect callback's error", async () => {
  const tls = {
    "bootstrap.servers": kafka.tls,
    "security.protocol": "ssl",
    "ssl.ca.location": "/no/such.pem",
  };
  expect((await rejected(connect(newProducer(tls))))?.message).toContain("ssl.ca.location");
});
