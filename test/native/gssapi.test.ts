import { afterAll, beforeAll, expect, test } from "bun:test";
import { RdKafka } from "@confluentinc/kafka-javascript";
import { hideLibrary } from "./hidden-library.ts";
import { type KerberosKafka, startKerberosKafka } from "./kerberos-kafka.ts";
import { runProgram } from "./support.ts";

const AUTHENTICATION = RdKafka.CODES.ERRORS.ERR__AUTHENTICATION;

// Kerberos reads the environment of its process: each client has a process of its own.

let kafka: KerberosKafka;
beforeAll(async () => {
  kafka = await startKerberosKafka();
}, 90_000);
afterAll(() => kafka?.[Symbol.asyncDispose]());

const gssapi = (properties: Record<string, unknown> = {}) =>
  JSON.stringify({
    "bootstrap.servers": kafka.sasl,
    "security.protocol": "sasl_plaintext",
    "sasl.mechanisms": "GSSAPI",
    "sasl.kerberos.principal": kafka.alice.principal,
    "sasl.kerberos.keytab": kafka.alice.keytab,
    log_level: 3,
    ...properties,
  });

/** Runs a client that cannot log in, and answers its log and the codes of its error events. */
async function refused(env: Record<string, string>, properties: Record<string, unknown> = {}) {
  const source = `
    import { connectPolling, rejected } from "./test/native/support.ts";
    const producer = newProducer(${gssapi(properties)});
    const said = { log: [], codes: [] };
    producer.on("event.log", ({ message }) => void said.log.push(message));
    producer.on("event.error", ({ code }) => void said.codes.push(code));
    await rejected(connectPolling(producer, { timeout: 1500 }));
    console.log(JSON.stringify(said));`;
  const { code, output, errors } = await runProgram(source, undefined, { ...kafka.env, ...env });
  expect(code, errors).toBe(0);
  const { log, codes } = JSON.parse(output) as { log: string[]; codes: number[] };
  return { log: log.join("\n"), codes };
}

test("Kerberos tickets let clients in, several at once", async () => {
  const source = `
    const login = () => deliver(${gssapi()}, { timeout: 10_000 });
    for (let round = 0; round < 5; round++) await Promise.all([login(), login(), login(), login()]);
    console.log("delivered");`;
  const { code, output, errors } = await runProgram(source, undefined, kafka.env);
  expect(output, errors).toBe("delivered");
  expect(code).toBe(0);
}, 60_000);

test("without a ticket the producer stays out, and the log says why", async () => {
  const empty = { KRB5CCNAME: `${kafka.env.KRB5CCNAME}-of-nobody` };
  const { log, codes } = await refused(empty, { "sasl.kerberos.keytab": "/no/such/keytab" });
  expect(codes).toContain(AUTHENTICATION);
  expect(log).toMatch(/Kerberos ticket refresh failed: kinit .* exited with code 1/);
  expect(log).toContain("No Kerberos credentials available");
}, 30_000);

test("without SASL's GSSAPI module the log names the package", async () => {
  const { log, codes } = await refused({ SASL_PATH: "/no/such/folder" });
  expect(codes).toContain(AUTHENTICATION);
  expect(log).toContain(
    "make sure the libsasl2-modules-gssapi-mit or cyrus-sasl-gssapi packages are installed",
  );
}, 30_000);

test("without libsasl2 the producer cannot be made, and is told what to install", async () => {
  using hidden = hideLibrary("libsasl2.so.2");
  const source = `try { newProducer(${gssapi()}); } catch ({ message }) { console.log(message); }`;
  const { code, output } = await runProgram(source, undefined, hidden.env);
  expect({ code, output }).toEqual({
    code: 0,
    output:
      "sasl.mechanisms=GSSAPI needs the system library libsasl2.so.2, which is not here " +
      "(Debian: apt-get install libsasl2-2 libsasl2-modules-gssapi-mit)",
  });
});
