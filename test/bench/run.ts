/** `bun run bench [--quick | --long]`: what sidepost costs, measured on the compiled program against a real Kafka. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { RdKafka } from "@confluentinc/kafka-javascript";

import { ensurePackages } from "../../src/native/packages.ts";
import { startKafka } from "../helpers/kafka.ts";
import { TEST_NEEDS } from "../helpers/needs.ts";
import { core, coreSoak } from "./core.ts";
import { isMet, type Figure } from "./figure.ts";
import { launch } from "./server.ts";
import { atomic, memory, rates, startups, stored } from "./service.ts";
import { table } from "./table.ts";
import { BROKER, RETENTION } from "./topic.ts";
import { WRK } from "./wrk.ts";

const PLANS = {
  usual: { starts: 9, rounds: 5, seconds: 2, soak: 60, messages: 2_000_000 },
  quick: { starts: 5, rounds: 3, seconds: 1, soak: 8, messages: 1_000_000 },
  long: { starts: 9, rounds: 5, seconds: 4, soak: 600, messages: 2_000_000 },
};

const PROGRAM = "dist/sidepost";
const BARE = ".cache/bench/bare";
const RESULT = ".cache/bench.json";
const SPOOL = ".cache/bench/spool";
const TOPIC = "bench";

const { values: flags } = parseArgs({ options: { quick: { type: "boolean" }, long: { type: "boolean" } } });
const plan = PLANS[flags.long ? "long" : flags.quick ? "quick" : "usual"];
if (!existsSync(PROGRAM)) throw new Error(`there is no ${PROGRAM}: run bun run build first`);
await ensurePackages([...TEST_NEEDS, WRK]);
await Bun.$`bun build --compile ${import.meta.dir}/bare.ts --outfile ${BARE}`.quiet();

await using kafka = await startKafka(BROKER);
await kafka.createTopic(TOPIC, 1, RETENTION);
const spool = resolve(SPOOL);
await rm(spool, { recursive: true, force: true });
const topic = { bootstrap: kafka.bootstrap, name: TOPIC };
const sidepost = () => launch(PROGRAM, settings(kafka.bootstrap));
const spooling = () =>
  launch(PROGRAM, { ...settings(kafka.bootstrap), SPOOL_MODE: "always", SPOOL_DIR: spool });
const bare = () => launch(BARE);

const figures: Figure[] = [
  ...(await stage("the start", () => startups(sidepost, bare, plan))),
  ...(await stage("memory", () => memory(sidepost, topic, plan))),
  ...(await stage("loads", () => rates(sidepost, bare, topic, plan))),
  ...(await stage("the spool", () => stored(spooling, sidepost, topic, plan))),
  ...(await stage("atomic batches", () => atomic(sidepost, topic, plan))),
  ...(await stage("core", () => core(kafka, plan))),
  ...(flags.long ? await stage("core, 50 million messages", () => coreSoak(kafka)) : []),
];

await Bun.write(RESULT, JSON.stringify({ machine: machine(), plan, figures: figures.map(judged) }, null, 2));
console.log(`\n${table(figures)}\n\n${RESULT}`);

/** Says on stderr what is being measured: the run takes minutes. */
async function stage(name: string, run: () => Promise<Figure[]>): Promise<Figure[]> {
  console.error(`measuring ${name} …`);
  return await run();
}

function settings(bootstrap: string): Record<string, string> {
  return {
    SERVER_ADDRESS: "127.0.0.1:0",
    METRICS_PORT: "127.0.0.1:0",
    KAFKA_BROKER_LIST: bootstrap,
    KAFKA_TOPIC: TOPIC,
  };
}

function machine() {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory: totalmem(),
    kernel: release(),
    bun: Bun.version,
    librdkafka: RdKafka.librdkafkaVersion,
  };
}

function judged(line: Figure) {
  return { ...line, met: isMet(line) };
}
