import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../helpers/ports.ts";
import { startSidepost } from "../helpers/process.ts";
import { MINUTE, untilStatus } from "./support.ts";

setDefaultTimeout(MINUTE);

interface Ended {
  code: number;
  output: string;
  errors: string;
}

/** Runs a command of sidepost to its end. */
async function run(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const { PATH, HOME } = process.env;
  const child = Bun.spawn([process.execPath, "src/main.ts", ...args], {
    env: { PATH, HOME, SERVER_ADDRESS: "127.0.0.1:0", METRICS_PORT: "127.0.0.1:0", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output, errors };
}

const EMBEDDED = { KAFKA_BROKER_LIST: "embedded", SERVER_SHUTDOWN_TIMEOUT: "1s" };

test("a wrong configuration ends with 78 and names every fault at once: what was seen, what is allowed", async () => {
  const { code, output, errors } = await run([], {
    SERVER_READ_TIMEOUT: "15",
    KAFKA_COMPRESSION: "brotli",
    KAFKA_BROKER_LIST: "kafka",
    KAFKA_BATCH_SIZE: "none",
    RDKAFKA_LINGER_MS: "soon",
    RDKAFKA_NO_SUCH_PROPERTY: "1",
    RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "0",
    RDKAFKA_SASL_PASSWORD_FILE: "/nowhere/password",
  });
  expect(code).toBe(78);
  expect(output).toBe("");
  const [title, ...faults] = errors.trimEnd().split("\n");
  expect(title).toBe("The configuration is wrong:");
  const expected = [
    /^ {2}RDKAFKA_SASL_PASSWORD_FILE="\/nowhere\/password" cannot be read: ENOENT/,
    /^ {2}SERVER_READ_TIMEOUT: "15" is not allowed; expected .*15s/,
    /^ {2}KAFKA_BROKER_LIST: "kafka" is not allowed; expected .*kafka-0:9092/,
    /^ {2}KAFKA_BATCH_SIZE: "none" is not allowed; expected .*1000000/,
    /^ {2}KAFKA_COMPRESSION: "brotli" is not allowed; expected .*none, gzip, snappy, lz4 or zstd/,
    /^ {2}RDKAFKA_LINGER_MS: "soon" is not allowed; librdkafka says: Invalid value/,
    /^ {2}RDKAFKA_NO_SUCH_PROPERTY is not allowed; librdkafka says: .*no\.such\.property/,
    /^ {2}RDKAFKA_QUEUE_BUFFERING_MAX_MESSAGES: "0" is not allowed; expected .*2147483647/,
  ];
  for (const fault of expected) expect(faults).toContainEqual(expect.stringMatching(fault));
  expect(faults).toHaveLength(expected.length);
});

test("a secret stands neither in a fault nor in what `config` prints", async () => {
  const secrets = { RDKAFKA_SASL_PASSWORD: "hunter2", RDKAFKA_SSL_KEY_PASSWORD: "hunter2" };
  const faulty = await run([], { ...secrets, KAFKA_COMPRESSION: "brotli", RDKAFKA_SASL_PASSWD: "hunter2" });
  expect(faulty.code).toBe(78);
  expect(faulty.errors).not.toContain("hunter2");

  const folder = mkdtempSync(join(tmpdir(), "sidepost-secret-"));
  writeFileSync(join(folder, "password"), "hunter2\n");
  const printed = await run(["config"], { RDKAFKA_SASL_PASSWORD_FILE: join(folder, "password") });
  rmSync(folder, { recursive: true });
  expect(printed).toMatchObject({ code: 0, errors: "" });
  expect(printed.output).toContain("RDKAFKA_SASL_PASSWORD=(hidden)\n");
  expect(printed.output).toContain("KAFKA_COMPRESSION=snappy\n");
  expect(printed.output).not.toContain("hunter2");
});

test("properties that contradict each other end it with librdkafka's sentence", async () => {
  const { code, output, errors } = await run([], {
    RDKAFKA_MESSAGE_TIMEOUT_MS: "10",
    RDKAFKA_LINGER_MS: "1000",
  });
  expect(code).toBe(78);
  expect(output + errors).toContain("`message.timeout.ms` must be greater than `linger.ms`");
});

test("a port that someone else has is one clear sentence that says what to set, on either listener", async () => {
  await using taken = await startSidepost({ env: EMBEDDED });
  const [data, admin] = [new URL(taken.url).host, new URL(taken.adminUrl ?? "").host];
  for (const [name, address] of [
    ["SERVER_ADDRESS", data],
    ["METRICS_PORT", admin],
  ] as const) {
    const { code, output } = await run([], { ...EMBEDDED, [name]: address });
    expect(code).toBe(1);
    expect(JSON.parse(output.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      level: "error",
      msg: `cannot listen on ${address}: already in use; set ${name}`,
    });
  }
});

test("health, ready and metrics ask the process that runs, and exit with what it answers", async () => {
  const [port] = await freePorts(1);
  const env = { ...EMBEDDED, METRICS_PORT: `127.0.0.1:${port}` };
  const nobody = await run(["health"], env);
  expect(nobody).toMatchObject({ code: 1, output: "" });
  expect(nobody.errors).toContain(`nothing answers at http://127.0.0.1:${port}/health`);

  await using sidepost = await startSidepost({ env });
  await untilStatus(`${sidepost.adminUrl}/health`, 200);
  const [health, ready, metrics] = await Promise.all(
    ["health", "ready", "metrics"].map((it) => run([it], env)),
  );
  expect(health).toMatchObject({ code: 0, output: expect.stringContaining('"status":"healthy"') });
  expect(ready).toMatchObject({ code: 0, output: '{"status":"ready"}\n' });
  expect(metrics).toMatchObject({ code: 0, output: expect.stringContaining("producer_brokers_up 1\n") });
  expect([health, ready, metrics].map((ended) => ended?.errors)).toEqual(["", "", ""]);
});

test("a proxy is not asked for the process that runs", async () => {
  const nobody = "http://127.0.0.1:1";
  const proxies = { HTTP_PROXY: nobody, http_proxy: nobody, ALL_PROXY: nobody };
  const path = join(tmpdir(), `sidepost-proxy-${process.pid}.sock`);
  for (const where of [{ hostname: "127.0.0.1", port: 0 }, { unix: path }]) {
    const service = Bun.serve({ ...where, fetch: () => new Response("well") });
    const address = "unix" in where ? `unix:${path}` : `127.0.0.1:${service.port}`;
    expect(await run(["health"], { ...proxies, METRICS_PORT: address })).toEqual({
      code: 0,
      output: "well\n",
      errors: "",
    });
    await service.stop(true);
  }
});

test("the log and the metrics say which application it serves", async () => {
  const env = { ...EMBEDDED, APP_NAME: "checkout", APP_VERSION: "2.3", APP_ENV: "staging" };
  await using sidepost = await startSidepost({ env });
  const line = await sidepost.waitForLog(({ msg }) => msg === "listening");
  expect(line).toMatchObject({ app: "checkout", app_version: "2.3", env: "staging" });
  const metrics = await fetch(`${sidepost.adminUrl}/metrics`);
  expect(await metrics.text()).toMatch(/^sidepost_info\{.*app="checkout",app_version="2.3"\} 1$/m);
});

test("a process that is not ready makes `ready` and `health` fail", async () => {
  const [port, kafka] = await freePorts(2);
  const env = { KAFKA_BROKER_LIST: `127.0.0.1:${kafka}`, METRICS_PORT: `127.0.0.1:${port}` };
  await using _ = await startSidepost({ env });
  const [ready, health] = await Promise.all([run(["ready"], env), run(["health"], env)]);
  expect(ready).toMatchObject({
    code: 1,
    output: expect.stringContaining("no Kafka broker has answered yet"),
  });
  expect(health).toMatchObject({ code: 1, output: expect.stringContaining('"status":"unhealthy"') });
});

test("an unknown command is told what commands there are", async () => {
  const { code, errors } = await run(["strat"]);
  expect(code).toBe(64);
  expect(errors).toBe('"strat" is no command; allowed: start, config, health, ready, metrics, post, help\n');
  expect(await run(["help"])).toMatchObject({ code: 0, output: expect.stringContaining("sidepost config") });
});
