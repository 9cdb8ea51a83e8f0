import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Admin } from "@platformatic/kafka";
import type { Subprocess } from "bun";
import { waitUntil } from "./wait.ts";

/** One broker, which is a controller too: its place among the others and on the disk. */
export interface BrokerNode {
  id: number;
  port: number;
  controllerPort: number;
  /** Settings, log and data. */
  folder: string;
}

const CLUSTER_ID = "c2lkZXBvc3QtdGVzdC1rYQ";
const START_DEADLINE_MS = 60_000;

// A broker of a test lives for seconds: the first compiler and the plainest collector start fastest.
const JAVA = [
  "java",
  "-Xmx256m",
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

export const address = (node: BrokerNode): string => `127.0.0.1:${node.port}`;

/** Settings for a second way in, at port `to`, which clients are told to find at port `from`. */
export const behind = ({ port, controllerPort }: BrokerNode, { from, to }: { from: number; to: number }) => ({
  listeners: `PLAINTEXT://127.0.0.1:${port},BEHIND://127.0.0.1:${to},CONTROLLER://127.0.0.1:${controllerPort}`,
  "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},BEHIND://127.0.0.1:${from}`,
  "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT",
});

/** Writes a broker's settings and formats its storage, once in its life. */
export async function formatBroker(
  node: BrokerNode,
  nodes: BrokerNode[],
  classPath: string,
  properties: Record<string, string>,
): Promise<void> {
  mkdirSync(node.folder, { recursive: true });
  const lines = Object.entries({ ...settings(node, nodes), ...properties }).map(([k, v]) => `${k}=${v}`);
  writeFileSync(settingsFile(node), `${lines.join("\n")}\n`);
  const format = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", settingsFile(node)];
  const child = Bun.spawn([...JAVA, "-cp", classPath, ...format], { stdout: "ignore", stderr: "pipe" });
  const errors = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`Kafka could not format ${node.folder}:\n${errors}`);
}

/** Starts the broker's process. The kernel kills it when the thread that asked for it is gone, however it went. */
export function spawnBroker(node: BrokerNode, classPath: string, java: string[] = []): Subprocess {
  const log = openSync(logFile(node), "a");
  const command = [...JAVA, ...java, "-cp", classPath, "kafka.Kafka", settingsFile(node)];
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...command], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  closeSync(log);
  return child;
}

/** Resolves when the broker answers and knows `count` brokers. Throws with its log if it ends, or after a minute. */
export async function brokerAnswers(node: BrokerNode, process: Subprocess, count: number): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [address(node)], retries: 0 });
  const failed = (): Error => new Error(`Kafka did not start:\n${readFileSync(logFile(node), "utf8")}`);
  const known = async (): Promise<number> => {
    const metadata = await admin.metadata({ topics: [], forceUpdate: true });
    return metadata.brokers.size;
  };
  const answered = async (): Promise<true | undefined> => {
    if (process.exitCode !== null || process.signalCode !== null) throw failed();
    return (await known().catch(() => 0)) >= count || undefined;
  };
  try {
    await waitUntil(answered, START_DEADLINE_MS, failed);
  } finally {
    await admin.close();
  }
}

const settingsFile = (node: BrokerNode): string => join(node.folder, "server.properties");
const logFile = (node: BrokerNode): string => join(node.folder, "broker.log");

function settings(node: BrokerNode, nodes: BrokerNode[]): Record<string, string | number> {
  const replicas = nodes.length;
  const inSync = Math.min(2, replicas);
  return {
    "process.roles": "broker,controller",
    "node.id": node.id,
    "controller.quorum.voters": nodes.map((n) => `${n.id}@127.0.0.1:${n.controllerPort}`).join(","),
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    listeners: `PLAINTEXT://${address(node)},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    "advertised.listeners": `PLAINTEXT://${address(node)}`,
    "log.dirs": join(node.folder, "data"),
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    // A killed broker may come back only when its session is over.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    // Half of the heap otherwise.
    "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
  };
}
