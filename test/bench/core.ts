/** `bun test/bench/core.ts`: what the native core costs through upstream's API, beside a plain loop in C. */
import { dirname } from "node:path";

import { RdKafka } from "@confluentinc/kafka-javascript";
import * as v from "valibot";

import { librdkafka } from "../../src/native/librdkafka.ts";
import { startKafka } from "../helpers/kafka.ts";
import { atLeast, atMost, figure, growth, paired, type Figure } from "./figure.ts";
import { cpuOf, memoryOf } from "./proc.ts";
import { table } from "./table.ts";
import { BROKER, endOffset, expectEnd, RETENTION, type Topic } from "./topic.ts";
import { inTurn } from "./turns.ts";

type Kafka = Awaited<ReturnType<typeof startKafka>>;

export interface CorePlan {
  rounds: number;
  messages: number;
}

const SIZE = 250;
const SOAK = 50_000_000;
const SAMPLES = 100;
/** Messages on their way: enough that neither the broker nor the JavaScript thread waits for the other. */
const IN_FLIGHT = 100_000;

const SETTINGS = {
  acks: "all",
  "linger.ms": 5,
  "queue.buffering.max.messages": 2 * IN_FLIGHT,
  "queue.buffering.max.kbytes": 1 << 20,
} as const;

/** Messages a second and CPU of JavaScript's thread, the loop in C in turn with it. */
export async function core(kafka: Kafka, { rounds, messages }: CorePlan): Promise<Figure[]> {
  const topic = await createTopic(kafka, "bench-core");
  const loop = await compileLoop();
  await using producer = await connect(topic);
  await send(producer, topic, messages / 10);
  const pairs = await inTurn(
    rounds,
    () => counted(topic, messages, () => timed(producer, topic, messages)),
    () => counted(topic, messages, () => runLoop(loop, topic, messages)),
  );
  const rates = pairs.map(([ours, plain]): [number, number] => [
    messages / ours.seconds,
    messages / plain.seconds,
  ]);
  const cpu = pairs.map(([ours]) => ours.cpu / messages);
  return [
    paired("core: RdKafka.Producer beside C", "messages/s", rates, atLeast(700_000)),
    paired("core: the same, its ratio to C", "messages/s", rates, atLeast(1 / 1.5, "ratio")),
    figure("core: JavaScript's thread", "us/message", cpu, atMost(1.2)),
  ];
}

/** Resident memory over 50 million messages, the last quarter against the first. */
export async function coreSoak(kafka: Kafka): Promise<Figure[]> {
  const topic = await createTopic(kafka, "bench-core-soak");
  await using producer = await connect(topic);
  const readings = await Array.fromAsync({ length: SAMPLES }, async () => {
    await send(producer, topic, SOAK / SAMPLES);
    return (await memoryOf(process.pid)).resident;
  });
  await expectEnd(topic, SOAK);
  return [figure("core: memory growth over 50M messages", "%", [growth(readings)], atMost(5))];
}

async function createTopic(kafka: Kafka, name: string): Promise<Topic> {
  await kafka.createTopic(name, 1, RETENTION);
  return { bootstrap: kafka.bootstrap, name };
}

async function counted<T>(topic: Topic, messages: number, run: () => Promise<T>): Promise<T> {
  const end = await endOffset(topic);
  const result = await run();
  await expectEnd(topic, end + messages);
  return result;
}

async function connect({ bootstrap }: Topic): Promise<RdKafka.Producer & AsyncDisposable> {
  const producer = new RdKafka.Producer({ ...SETTINGS, "bootstrap.servers": bootstrap, dr_cb: true });
  await new Promise<void>((resolve, reject) => {
    producer.connect({}, (error) => (error ? reject(error) : resolve()));
  });
  producer.setPollInBackground(true);
  const disconnect = () => new Promise<void>((resolve) => producer.disconnect(() => resolve()));
  return Object.assign(producer, { [Symbol.asyncDispose]: disconnect });
}

async function timed(producer: RdKafka.Producer, topic: Topic, messages: number) {
  const started = performance.now();
  const before = await cpuOf(process.pid);
  await send(producer, topic, messages);
  const after = await cpuOf(process.pid);
  return { seconds: (performance.now() - started) / 1000, cpu: after.javascript - before.javascript };
}

/** Produces and resolves at the last delivery report; each report that leaves half the window empty refills it. */
async function send(producer: RdKafka.Producer, topic: Topic, messages: number): Promise<void> {
  const value = Buffer.alloc(SIZE, "x");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let sent = 0;
  let reported = 0;
  const fill = () => {
    for (; sent < messages && sent - reported < IN_FLIGHT; sent++) producer.produce(topic.name, null, value);
  };
  const onReport = (error: unknown) => {
    if (error) return reject(error);
    reported++;
    if (reported === messages) resolve();
    else if (sent - reported < IN_FLIGHT / 2) fill();
  };
  producer.on("delivery-report", onReport);
  fill();
  await promise.finally(() => producer.off("delivery-report", onReport));
}

async function compileLoop(): Promise<string> {
  const { include, archive, libs } = await librdkafka();
  const program = ".cache/bench/loop";
  await Bun.$`mkdir -p ${dirname(program)}`;
  // The core opens these two at run time; here nothing calls them.
  const shared = ["-lcurl", "-lsasl2"];
  await Bun.$`cc -O2 -I ${include} -o ${program} ${import.meta.dir}/loop.c ${archive} ${libs} ${shared}`;
  return program;
}

async function runLoop(program: string, { bootstrap, name }: Topic, messages: number) {
  const settings = Object.entries({ ...SETTINGS, "bootstrap.servers": bootstrap });
  const properties = settings.map(([property, value]) => `${property}=${value}`);
  const result = await Bun.$`${program} ${name} ${messages} ${SIZE} ${properties}`.json();
  return v.parse(v.object({ seconds: v.number() }), result);
}

if (import.meta.main) {
  await using kafka = await startKafka(BROKER);
  console.log(table(await core(kafka, { rounds: 5, messages: 2_000_000 })));
}
