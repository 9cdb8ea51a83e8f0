import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildExecutable } from "../../src/native/executable.ts";
import { consume } from "../helpers/consume.ts";
import { type SharedKafka, sharedKafka } from "../helpers/kafka.ts";
import { type Sidepost, startSidepost } from "../helpers/process.ts";
import { ASYNC, idOf, idsOf, MINUTE, newTopic, post } from "./support.ts";

setDefaultTimeout(MINUTE);

const folder = mkdtempSync(join(tmpdir(), "sidepost-executable-"));
const [temporary, program] = [join(folder, "tmp"), join(folder, "alone/sidepost")];
let kafka: SharedKafka;
beforeAll(async () => {
  const [built] = await Promise.all([
    buildExecutable(join(folder, "built/sidepost")),
    sharedKafka().then((it) => (kafka = it)),
  ]);
  mkdirSync(temporary);
  mkdirSync(join(folder, "alone"));
  copyFileSync(built, program);
}, 2 * MINUTE);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await kafka[Symbol.asyncDispose]();
});

/** The program alone in its folder, with nothing in its environment but these. */
function command(env: Record<string, string>): string[] {
  const variables = {
    SERVER_ADDRESS: "127.0.0.1:0",
    METRICS_PORT: "127.0.0.1:0",
    SERVER_SHUTDOWN_TIMEOUT: "200ms",
    KAFKA_BROKER_LIST: "embedded",
    TMPDIR: temporary,
    ...env,
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return ["env", "--ignore-environment", `--chdir=${dirname(program)}`, ...assignments, program];
}

const start = (env: Record<string, string> = {}): Promise<Sidepost> =>
  startSidepost({ command: command(env) });

test("alone in a folder, without Bun or packages, the executable brings posts to Kafka", async () => {
  const topic = await newTopic(kafka);
  await using sidepost = await start({ KAFKA_BROKER_LIST: kafka.bootstrap, KAFKA_TOPIC: topic });
  const answer = await post(sidepost, "/user", { data: { name: "Zoë" } });
  expect(answer.status).toBe(201);
  expect((await consume(kafka.bootstrap, topic)).map(idOf)).toEqual(idsOf(answer));
  sidepost.kill();
  expect(await sidepost.exited).toBe(0);
});

test("the executable has the embedded broker in it", async () => {
  await using sidepost = await start();
  expect(await post(sidepost, "/user", { data: 1 })).toMatchObject({ status: 201 });
});

test("the executable has the spool and its thread in it", async () => {
  const topic = await newTopic(kafka);
  const env = { KAFKA_TOPIC: topic, SPOOL_MODE: "always", SPOOL_DIR: join(folder, "spool") };
  let ids: string[];
  {
    await using sidepost = await start({ ...env, KAFKA_BROKER_LIST: "127.0.0.1:1" });
    const answer = await post(sidepost, "/user", { data: 1 }, ASYNC);
    expect(answer).toMatchObject({ status: 202, body: { status: "stored" } });
    ids = idsOf(answer);
    sidepost.kill("SIGKILL");
    await sidepost.exited;
  }
  await using next = await start({ ...env, KAFKA_BROKER_LIST: kafka.bootstrap });
  expect((await consume(kafka.bootstrap, topic, { count: 1 })).map(idOf)).toEqual(ids);
  next.kill();
  expect(await next.exited).toBe(0);
});

test("however often it starts, and however it ends, it leaves one unpacked core in the temporary folder", async () => {
  for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM", "SIGKILL"] as const) {
    await using sidepost = await start();
    sidepost.kill(signal);
    await sidepost.exited;
  }
  expect(readdirSync(temporary)).toHaveLength(1);
});

test("the executable has the log for people in it", async () => {
  const contradiction = { RDKAFKA_MESSAGE_TIMEOUT_MS: "10", RDKAFKA_LINGER_MS: "1000" };
  const child = Bun.spawn(command({ LOG_FORMAT: "text", ...contradiction }), { stdin: "ignore" });
  expect(await child.stdout.text()).toMatch(
    /ERROR.*: `message\.timeout\.ms` must be greater than `linger\.ms`/,
  );
  expect(await child.exited).toBe(78);
});
