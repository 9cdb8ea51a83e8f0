import { Admin, alterPartitionReassignmentsV1, Connection } from "@platformatic/kafka";
import { type Kafka, startKafka } from "../helpers/kafka.ts";
import { behind } from "../helpers/kafka-broker.ts";
import { freePorts } from "../helpers/ports.ts";
import { waitUntil } from "../helpers/wait.ts";
import { type Network, startNetwork } from "./proxy.ts";

/** Brokers behind a network that can be broken. Tests themselves go around it. */
export interface Cluster extends AsyncDisposable {
  kafka: Kafka;
  network: Network;
  /** Where sidepost finds the brokers: behind the network. */
  bootstrap: string;
  brokers: 1 | 3;
  /** Records bear the time at which the broker wrote them. */
  createTopic(name: string, partitions: number, configs?: Record<string, string>): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  /** Takes every partition of the topic away from the broker that leads it, and resolves when others do. */
  moveLeaders(topic: string): Promise<void>;
}

/** Starts a real Kafka; it answers when this resolves. */
export async function startCluster(brokers: 1 | 3): Promise<Cluster> {
  const ports = await freePorts(2 * brokers);
  const links = Array.from({ length: brokers }, (_, i) => ({ from: ports[2 * i]!, to: ports[2 * i + 1]! }));
  const network = await startNetwork(links);
  const kafka = await startKafka({
    brokers,
    properties: (node) => ({
      ...behind(node, links[node.id - 1]!),
      "auto.create.topics.enable": "false",
      // What a killed process leaves open would hide what comes later for up to ten seconds.
      "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
    }),
  }).catch(async (error) => {
    await network[Symbol.asyncDispose]();
    throw error;
  });
  const addresses = kafka.bootstrap.split(",");
  return {
    kafka,
    network,
    brokers,
    bootstrap: links.map(({ from }) => `127.0.0.1:${from}`).join(","),
    createTopic: (name, partitions, configs = {}) =>
      kafka.createTopic(name, partitions, { "message.timestamp.type": "LogAppendTime", ...configs }),
    deleteTopic: (name) => kafka.deleteTopic(name),
    moveLeaders: (topic) => withAdmin(addresses, (admin) => moveLeaders(admin, addresses[0]!, topic)),
    async [Symbol.asyncDispose]() {
      await kafka[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
    },
  };
}

async function withAdmin<T>(bootstrapBrokers: string[], act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: "chaos", bootstrapBrokers });
  try {
    return await act(admin);
  } finally {
    await admin.close();
  }
}

const PATIENCE_MS = 30_000;

/** A partition whose leader is no replica any more gets another one at once. */
async function moveLeaders(admin: Admin, address: string, topic: string): Promise<void> {
  const partitions = async () => {
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
    return Object.values(metadata.topics.get(topic)?.partitions ?? {});
  };
  const before = await partitions();
  const everyBroker = [1, 2, 3];
  const without = before.map(({ leader }, partitionIndex) => ({
    partitionIndex,
    leader,
    replicas: everyBroker.filter((id) => id !== leader),
  }));
  await reassign(address, topic, without);
  const moved = async () => {
    const now = await partitions();
    return now.every(({ leader }, i) => leader !== before[i]!.leader && leader > 0) || undefined;
  };
  await waitUntil(moved, PATIENCE_MS, () => new Error(`the leaders of ${topic} did not move`));
  const back = without.map(({ partitionIndex, leader, replicas }) => ({
    partitionIndex,
    replicas: [...replicas, leader],
  }));
  await reassign(address, topic, back);
}

async function reassign(
  address: string,
  name: string,
  partitions: { partitionIndex: number; replicas: number[] }[],
): Promise<void> {
  const [host = "", port] = address.split(":");
  const connection = new Connection("chaos");
  await connection.connect(host, Number(port));
  try {
    await alterPartitionReassignmentsV1.api.async(connection, PATIENCE_MS, true, [{ name, partitions }]);
  } finally {
    await connection.close();
  }
}
