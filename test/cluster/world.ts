import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { Admin } from "@platformatic/kafka";
import { consume } from "../helpers/consume.ts";
import { waitUntil } from "../helpers/wait.ts";
import { Counts } from "./counts.ts";
import { openLink, type PodNetwork } from "./kafka.ts";
import { collectLogs, type Logs } from "./logs.ts";
import { createPrograms, type Programs } from "./programs.ts";
import { reckon, type Reckoning } from "./reckoning.ts";

/** Each scenario has a way of its own to Kafka, so that it can be cut without the others. */
export const LINKS = [
  "start",
  "rollout",
  "gateway",
  "job",
  "cronjob",
  "quit",
  "kill",
  "outage",
  "memory",
  "ending",
  "deaf",
  "chart",
  "test-sidecar",
  "test-gateway",
  "own",
] as const;
export type LinkName = (typeof LINKS)[number];

const World = v.object({
  /** The cluster's folder. */
  cluster: v.string(),
  kafka: v.string(),
  links: v.array(v.object({ from: v.number(), to: v.number() })),
  /** The file that every reckoning is added to. */
  rows: v.string(),
});
export type World = v.InferOutput<typeof World>;

/** A namespace that lets in only what keeps to the restricted Pod Security Standard, with a topic and a network of its own. */
export interface Place extends Programs, AsyncDisposable {
  /** Of the namespace, and of the topic. */
  name: string;
  network: PodNetwork;
  /** What this machine takes for the broker. */
  kafka: string;
  logs: Logs;
  /** An empty folder. */
  folder: string;
  /** Objects of a kind, as JSON. */
  get<T extends v.GenericSchema>(schema: T, ...what: string[]): Promise<v.InferOutput<T>>;
  /**
   * Compares what every poster was told with what a consumer finds, once nothing is missing or 30 s are over, and
   * adds it to the table. Throws where a poster has not said what it was told.
   */
  reckon(scenario: string): Promise<Reckoning>;
}

const READ_MS = 30_000;
const PARTITIONS = 3;

/** Makes the namespace; its way to Kafka is open. It is of a file that runs in test/cluster/run.ts. */
export async function createPlace(link: LinkName): Promise<Place> {
  const name = `${link}-${crypto.randomUUID().slice(0, 8)}`;
  const world = readWorld();
  const { cluster, kafka } = world;
  await using made = new AsyncDisposableStack();
  const network = made.use(await openLink(world.links[LINKS.indexOf(link)]!));
  const folder = mkdtempSync(join(tmpdir(), "sidepost-place-"));
  made.defer(() => rmSync(folder, { recursive: true }));
  const logs = made.use(collectLogs(join(cluster, "podlogs"), name));
  const programs = createPrograms(cluster, name, logs);
  const { kubectl } = programs;
  await createTopic(kafka, name);
  await kubectl(["apply", "-f", "-"], JSON.stringify(namespace(name)));
  made.defer(async () => void (await kubectl(["delete", "namespace", name, "--wait=false"])));
  await kubectl(["wait", "--for=create", "serviceaccount/default", "--timeout=30s"]);
  const rest = made.move();
  return {
    name,
    network,
    kafka,
    logs,
    folder,
    ...programs,
    get: async (schema, ...what) =>
      v.parse(schema, JSON.parse(await kubectl(["get", ...what, "-o", "json"]))),
    reckon: (scenario) => balance(world, { name, logs }, scenario),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function readWorld(): World {
  const text = process.env["SIDEPOST_TEST_WORLD"];
  if (text === undefined) throw new Error("these tests need a cluster: bun run test:cluster");
  return v.parse(World, JSON.parse(text));
}

const POD_SECURITY = "pod-security.kubernetes.io";

const namespace = (name: string) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: {
    name,
    labels: { [`${POD_SECURITY}/enforce`]: "restricted", [`${POD_SECURITY}/warn`]: "restricted" },
  },
});

async function createTopic(bootstrap: string, name: string): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [bootstrap] });
  try {
    await admin.createTopics({ topics: [name], partitions: PARTITIONS, replicas: 1 });
  } finally {
    await admin.close();
  }
}

async function balance(world: World, { name, logs }: Pick<Place, "name" | "logs">, scenario: string) {
  const posters = countsOf(logs);
  let reckoning: Reckoning | undefined;
  const complete = async () => {
    reckoning = reckon(scenario, posters, await consume(world.kafka, name));
    return reckoning.lost === 0 ? reckoning : undefined;
  };
  const late = () => new Error("something is missing");
  const found = await waitUntil(complete, READ_MS, late).catch((error) => reckoning ?? Promise.reject(error));
  const line = JSON.stringify(found);
  console.log(line);
  appendFileSync(world.rows, `${line}\n`);
  return found;
}

/** The counts of all posters of the namespace that have posted anything. */
function countsOf(logs: Logs): Counts[] {
  const lines = logs.read();
  const ofMessage = (msg: string) => lines.filter(({ fields }) => fields["msg"] === msg);
  const lifeOf = ({ pod, container, restart }: { pod: string; container: string; restart: number }) =>
    `${pod}/${container}/${restart}`;
  const told = ofMessage("counts");
  const silent = new Set(ofMessage("first answer").map(lifeOf)).difference(new Set(told.map(lifeOf)));
  if (silent.size > 0)
    throw new Error(`these posters did not say what they were told: ${[...silent].join(", ")}`);
  if (told.length === 0) throw new Error("no poster has posted anything");
  return told.map(({ fields }) => v.parse(Counts, fields));
}
