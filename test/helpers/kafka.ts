import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Admin } from "@platformatic/kafka";
import type { Subprocess } from "bun";
import { address, brokerAnswers, type BrokerNode, formatBroker, spawnBroker } from "./kafka-broker.ts";
import { kafkaClassPath } from "./kafka-jars.ts";
import { freePorts } from "./ports.ts";
import { waitUntil } from "./wait.ts";

/** A Kafka that others may be using at the same time. */
export interface SharedKafka extends AsyncDisposable {
  /** `host:port` of each broker, comma-separated. */
  bootstrap: string;
  /** Resolves when the topic can be written to; it has a replica on every broker. */
  createTopic(name: string, partitions?: number, configs?: Record<string, string>): Promise<void>;
  deleteTopic(name: string): Promise<void>;
}

/** A Kafka of one's own. Disposing of it ends its brokers and removes their data. */
export interface Kafka extends SharedKafka {
  /** Ends broker `index` (from 0) and resolves when it is gone. */
  stopBroker(index: number, signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Stops broker `index` while its connections stay open, and resolves when it stands still. */
  freezeBroker(index: number): Promise<void>;
  /** Lets a frozen broker go on. SIGKILL ends it as well. */
  thawBroker(index: number): void;
  /** Starts it again on the same port and data, unless it runs, and resolves when it answers. */
  startBroker(index: number): Promise<void>;
}

export interface KafkaOptions {
  brokers?: 1 | 3;
  /** Settings of each broker beside those of ./kafka-broker.ts, or in their place. */
  properties?: Record<string, string> | ((node: BrokerNode) => Record<string, string>);
}

/**
 * Starts a real Apache Kafka on free ports of 127.0.0.1; it answers when this resolves.
 * @example await using kafka = await startKafka();
 */
export async function startKafka({ brokers = 1, properties = {} }: KafkaOptions = {}): Promise<Kafka> {
  const classPath = await kafkaClassPath();
  const folder = mkdtempSync(join(tmpdir(), "sidepost-kafka-"));
  const nodes = await placeNodes(brokers, folder);
  const running = new Map<BrokerNode, Subprocess>();
  const propertiesOf = typeof properties === "function" ? properties : () => properties;

  const nodeAt = (index: number): BrokerNode => {
    const node = nodes[index];
    if (node === undefined) throw new RangeError(`there is no broker ${index} of ${brokers}`);
    return node;
  };
  const start = async (node: BrokerNode, known: number): Promise<void> => {
    if (running.has(node)) return;
    const process = spawnBroker(node, classPath);
    running.set(node, process);
    await brokerAnswers(node, process, known);
  };
  const stop = async (node: BrokerNode, signal: NodeJS.Signals): Promise<void> => {
    const process = running.get(node);
    process?.kill(signal);
    await process?.exited;
    running.delete(node);
  };
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => stop(node, "SIGKILL")));
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    await Promise.all(nodes.map((node) => formatBroker(node, nodes, classPath, propertiesOf(node))));
    await Promise.all(nodes.map((node) => start(node, brokers)));
  } catch (error) {
    await dispose();
    throw error;
  }
  const bootstrap = nodes.map(address).join(",");
  return {
    bootstrap,
    createTopic: (...topic) => createTopic(bootstrap, ...topic),
    deleteTopic: (name) => deleteTopic(bootstrap, name),
    stopBroker: (index, signal = "SIGTERM") => stop(nodeAt(index), signal),
    freezeBroker: (index) => freeze(running.get(nodeAt(index))),
    thawBroker: (index) => void running.get(nodeAt(index))?.kill("SIGCONT"),
    startBroker: (index) => start(nodeAt(index), running.size + 1),
    [Symbol.asyncDispose]: dispose,
  };
}

/** A thread on another core goes on for a moment after SIGSTOP, and may still take a record. */
async function freeze(process: Subprocess | undefined): Promise<void> {
  if (process === undefined) return;
  const tasks = `/proc/${process.pid}/task`;
  process.kill("SIGSTOP");
  const standsStill = (thread: string) => readFileSync(join(tasks, thread, "stat"), "utf8").includes(") T ");
  await waitUntil(
    () => readdirSync(tasks).every(standsStill) || undefined,
    10_000,
    () => new Error("the broker could not be stopped"),
  );
}

/** The Kafka that the test runner started for all (SIDEPOST_TEST_KAFKA=host:port), or else one of one's own. */
export async function sharedKafka(): Promise<SharedKafka> {
  const bootstrap = process.env["SIDEPOST_TEST_KAFKA"];
  if (bootstrap === undefined) return startKafka();
  return {
    bootstrap,
    createTopic: (...topic) => createTopic(bootstrap, ...topic),
    deleteTopic: (name) => deleteTopic(bootstrap, name),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function placeNodes(count: number, folder: string): Promise<BrokerNode[]> {
  const ports = await freePorts(2 * count);
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    port: ports[2 * index]!,
    controllerPort: ports[2 * index + 1]!,
    folder: join(folder, `broker-${index + 1}`),
  }));
}

async function createTopic(
  bootstrap: string,
  name: string,
  partitions = 1,
  configs: Record<string, string> = {},
): Promise<void> {
  await using admin = adminOf(bootstrap);
  const everyBroker = -1; // Stands for default.replication.factor.
  await admin.createTopics({
    topics: [name],
    partitions,
    replicas: everyBroker,
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  });
  // Fails, and is tried again, while a partition has no leader.
  await admin.metadata({ topics: [name], forceUpdate: true });
}

async function deleteTopic(bootstrap: string, name: string): Promise<void> {
  await using admin = adminOf(bootstrap);
  await admin.deleteTopics({ topics: [name] });
}

function adminOf(bootstrap: string): Admin & AsyncDisposable {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: bootstrap.split(",") });
  return Object.assign(admin, { [Symbol.asyncDispose]: () => admin.close() });
}
