import { afterAll, beforeAll, expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { freePorts } from "../helpers/ports.ts";
import {
  type Answer,
  type Certificate,
  makeCertificate,
  startTokenEndpoint,
  unsecuredToken,
} from "../helpers/token-endpoint.ts";
import { waitUntil } from "../helpers/wait.ts";
import { hideLibrary } from "./hidden-library.ts";
import { type SecureKafka, startSecureKafka } from "./secure-kafka.ts";
import { connectPolling, deliver, disconnect, flush, newProducer, rejected, runProgram } from "./support.ts";

let kafka: SecureKafka;
let certificate: Certificate;
beforeAll(async () => {
  [kafka, certificate] = await Promise.all([startSecureKafka(), makeCertificate()]);
}, 90_000);
afterAll(() => kafka?.[Symbol.asyncDispose]());
afterAll(() => certificate?.[Symbol.dispose]());

const AUTHENTICATION = RdKafka.CODES.ERRORS.ERR__AUTHENTICATION;
const oidc = (url: string, properties: Record<string, unknown> = {}) => ({
  "bootstrap.servers": kafka.sasl,
  "security.protocol": "sasl_plaintext",
  "sasl.mechanisms": "OAUTHBEARER",
  "sasl.oauthbearer.method": "oidc",
  "sasl.oauthbearer.client.id": "alice",
  "sasl.oauthbearer.client.secret": "alice-secret",
  "sasl.oauthbearer.token.endpoint.url": url,
  log_level: 3,
  ...properties,
});

/** What a client says of an endpoint that gives it no token: the reason in its log, the codes of its error events. */
async function refused(url: string, properties: Record<string, unknown> = {}) {
  const producer = newProducer(oidc(url, properties));
  const codes: number[] = [];
  let reason = "";
  producer.on("event.error", ({ code }) => void codes.push(code));
  producer.on("event.log", ({ fac, message }) => void (fac === "OAUTHBEARER" && (reason = message)));
  expect(await rejected(connectPolling(producer, { timeout: 1000 }))).toBeDefined();
  return { codes, reason };
}

test("a token lets the producer in, and is asked for as the client with its secret", async () => {
  await using endpoint = startTokenEndpoint(unsecuredToken());
  await deliver(oidc(endpoint.url, { "sasl.oauthbearer.scope": "events" }));
  const authorization = `Basic ${btoa("alice:alice-secret")}`;
  expect(endpoint.requests).toEqual([
    { authorization, form: { grant_type: "client_credentials", scope: "events" } },
  ]);
});

test("a token is asked for again and again, as each comes near its end", async () => {
  await using endpoint = startTokenEndpoint(unsecuredToken(2));
  const producer = newProducer(oidc(endpoint.url));
  await connectPolling(producer, { timeout: 10_000 });
  await waitUntil(
    () => (endpoint.requests.length >= 3 ? true : undefined),
    10_000,
    () => new Error("no refresh"),
  );
  await disconnect(producer);
}, 20_000);

const json = (value: unknown, status = 200) => Response.json(value as object, { status });
const REFUSALS: [what: string, answer: Answer, reason: string][] = [
  ["an error", () => json({ error: "invalid_client" }, 401), '{"error":"invalid_client"}'],
  ["a page", () => new Response("<p>", { headers: { "content-type": "text/html" } }), "text/html"],
  ["nothing", () => new Response(""), 'Expected JSON response with "access_token" field'],
  [
    "half an object",
    () => new Response("{", { headers: { "content-type": "application/json" } }),
    "parse JSON",
  ],
  ["null", () => json(null), 'Expected JSON response with "access_token" field'],
  ["a number", () => json({ access_token: 1 }), "Expected token as a string value"],
  ["no JWT", () => json({ access_token: "a.b.c" }), "Failed to parse JSON JWT payload"],
  ["nobody's token", unsecuredToken(60, {}), 'Expected JSON JWT response with "sub" field'],
  ["an old token", unsecuredToken(-60), "Must supply an unexpired token"],
];
test.each(REFUSALS)("%s for a token is an error event, and the log says why", async (_, answer, reason) => {
  await using endpoint = startTokenEndpoint(answer);
  const said = await refused(endpoint.url);
  expect(said.reason).toContain(reason);
  expect(said.codes).toContain(AUTHENTICATION);
});

test("an endpoint that nobody listens on is an error event, and the log says why", async () => {
  const [port] = await freePorts(1);
  const said = await refused(`http://127.0.0.1:${port}/token`);
  expect(said.reason).toContain("Couldn't connect to server");
  expect(said.codes).toContain(AUTHENTICATION);
});

test("an endpoint that is busy is asked again, and its second answer counts", async () => {
  let asked = 0;
  const token = unsecuredToken();
  await using endpoint = startTokenEndpoint((request) =>
    asked++ === 0 ? new Response("try later", { status: 500 }) : token(request),
  );
  // librdkafka waits five seconds before it tries again; where that fails, ten.
  await deliver(oidc(endpoint.url), { timeout: 8000 });
  expect(asked).toBe(2);
}, 20_000);

test("messages wait while the endpoint is away, and are delivered when it is back", async () => {
  const [port] = (await freePorts(1)) as [number];
  const first = startTokenEndpoint(unsecuredToken(2), { port });
  const producer = newProducer({ ...oidc(first.url), dr_cb: true });
  const reports: unknown[] = [];
  let away = false;
  producer.on("delivery-report", (error) => void reports.push(error));
  producer.on("event.log", ({ fac }) => void (away ||= fac === "OAUTHBEARER"));
  await connectPolling(producer, { timeout: 10_000 });
  producer.produce("delivered", null, Buffer.from("before"));
  await flush(producer, 10_000);
  await first[Symbol.asyncDispose]();
  await waitUntil(
    () => away || undefined,
    10_000,
    () => new Error("it was not missed"),
  );
  producer.produce("delivered", null, Buffer.from("while it is away"));
  await using back = startTokenEndpoint(unsecuredToken(), { port });
  // librdkafka asks again ten seconds after a failure.
  const asked = () => (back.requests.length > 0 ? true : undefined);
  await waitUntil(asked, 15_000, () => new Error("it was not asked again"));
  producer.produce("delivered", null, Buffer.from("when it is back"));
  await flush(producer, 10_000);
  await disconnect(producer);
  expect(reports).toEqual([null, null, null]);
}, 40_000);

test("an endpoint with TLS is trusted by its CA alone, given as a file or as text", async () => {
  await using endpoint = startTokenEndpoint(unsecuredToken(), { tls: certificate });
  await deliver(oidc(endpoint.url, { "https.ca.location": certificate.certificate }));
  await deliver(oidc(endpoint.url, { "https.ca.pem": await Bun.file(certificate.certificate).text() }));
  expect(endpoint.requests).toHaveLength(2);
  expect((await refused(endpoint.url)).reason).toContain("SSL certificate problem: self-signed certificate");
  expect(endpoint.requests).toHaveLength(2);
}, 20_000);

/** Runs a program with an endpoint that answers `answer`, and `config`, a client of it. */
const runWithEndpoint = (answer: string, source: string) =>
  runProgram(`
    import { startTokenEndpoint, unsecuredToken } from "./test/helpers/token-endpoint.ts";
    const tls = ${JSON.stringify(certificate)};
    const endpoint = startTokenEndpoint(${answer}, { tls });
    const config = ${JSON.stringify(
      oidc("", {
        "bootstrap.servers": kafka.saslTls,
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": kafka.certificate,
        "https.ca.location": certificate.certificate,
        log_level: 0,
      }),
    )};
    config["sasl.oauthbearer.token.endpoint.url"] = endpoint.url;
    const asked = async (count) => { while (endpoint.requests.length < count) await Bun.sleep(1); };
    ${source}`);

test("the core's OpenSSL and libcurl's live beside each other, under many clients", async () => {
  const { output, errors } = await runWithEndpoint(
    "unsecuredToken()",
    `const one = () => deliver(config, { timeout: 10_000 });
     for (let round = 0; round < 50; round++) await Promise.all([one(), one(), one(), one()]);
     console.log(endpoint.requests.length);
     process.exit();`,
  );
  expect(output, errors).toBe("200");
}, 60_000);

const NEVER = "() => new Promise(() => {})";

test("closing does not wait for a token that never comes", async () => {
  const { output, errors } = await runWithEndpoint(
    NEVER,
    `const producers = Array.from({ length: 20 }, () => newProducer(config));
     const connecting = Promise.allSettled(producers.map((producer) => connect(producer, { timeout: 30_000 })));
     await asked(10);
     await Promise.all(producers.map(async (producer, i) => {
       while (!producer.isConnected()) await Bun.sleep(1);
       await Bun.sleep(i);
       await disconnect(producer);
     }));
     await connecting;
     console.log("closed");
     process.exit();`,
  );
  expect(output, errors).toBe("closed");
  // libcurl would wait twenty seconds.
}, 15_000);

test("the process can exit while tokens are fetched", async () => {
  const { code, signal } = await runWithEndpoint(
    NEVER,
    `for (let i = 0; i < 4; i++) connect(newProducer(config)).catch(() => {});
     await asked(4);
     process.exit(3);`,
  );
  expect({ code, signal }).toEqual({ code: 3, signal: null });
}, 15_000);

test("without libcurl the producer cannot be made, and is told what to install", async () => {
  using hidden = hideLibrary("libcurl.so.4");
  const config = JSON.stringify(oidc("http://127.0.0.1/token"));
  const source = `try { newProducer(${config}); } catch ({ message }) { console.log(message); }`;
  const { code, output } = await runProgram(source, undefined, hidden.env);
  expect({ code, output }).toEqual({
    code: 0,
    output:
      "sasl.oauthbearer.method=oidc needs the system library libcurl.so.4, which is not here " +
      "(Debian: apt-get install libcurl4)",
  });
});
