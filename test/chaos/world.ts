import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, createClock } from "./clock.ts";
import type { Cluster } from "./cluster.ts";
import { type Disk, mountDisk } from "./disk.ts";
import type { Facts } from "./ledger.ts";
import { createRandom, type Random } from "./random.ts";
import { type Service, startService } from "./service.ts";
import type { Topic } from "./styles.ts";

/** All that can be broken. Disposing of it ends sidepost, and leaves the cluster. */
export interface World extends AsyncDisposable {
  cluster: Cluster;
  service: Service;
  random: Random;
  topics: Record<Topic, string>;
  /** When the other topic had been deleted and made anew. */
  deletedAt: NonNullable<Facts["deletedAt"]>;
  /** Where the spool is; undefined where it has room enough. */
  disk: Disk | undefined;
  clock: Clock | undefined;
}

export interface WorldOptions {
  cluster: Cluster;
  seed: number;
  spool: "off" | "overflow" | "always";
  env?: Record<string, string>;
  /** Whether the spool is on a small disk of its own, and the process has a clock of its own. */
  ownDisk: boolean;
  ownClock: boolean;
}

const DISK_MEBIBYTES = 24;

/** Topics that are new, and a sidepost on them. */
export async function createWorld(options: WorldOptions): Promise<World> {
  const { cluster, seed, spool, env = {}, ownDisk, ownClock } = options;
  await using made = new AsyncDisposableStack();
  const topics = await createTopics(cluster);
  const disk = ownDisk ? made.use(await mountDisk(DISK_MEBIBYTES)) : undefined;
  const clock = ownClock ? made.use(createClock()) : undefined;
  const folder = mkdtempSync(join(tmpdir(), "sidepost-spool-"));
  made.defer(() => rmSync(folder, { recursive: true }));
  const spoolEnv = spool === "off" ? {} : { SPOOL_MODE: spool, SPOOL_DIR: disk?.folder ?? folder };
  const service = made.use(
    await startService(
      { ...environment(cluster, topics), ...spoolEnv, ...clock?.env, ...env },
      disk !== undefined,
    ),
  );
  const rest = made.move();
  return {
    cluster,
    service,
    random: createRandom(seed),
    topics,
    deletedAt: {},
    disk,
    clock,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

async function createTopics(cluster: Cluster): Promise<Record<Topic, string>> {
  const name = `chaos-${crypto.randomUUID()}`;
  const topics = { main: name, whole: `${name}-whole`, other: `${name}-other`, narrow: `${name}-narrow` };
  // Takes each batch that is posted, and refuses most of a backlog's.
  await cluster.createTopic(topics.main, 3, { "max.message.bytes": "5000" });
  await cluster.createTopic(topics.whole, 1);
  await cluster.createTopic(topics.other, 2);
  await cluster.createTopic(topics.narrow, 1, { "max.message.bytes": "100" });
  return topics;
}

/** Their event types have their names. */
const OWN_TOPICS = ["whole", "other", "narrow"] as const satisfies Topic[];

const environment = ({ bootstrap }: Cluster, topics: Record<Topic, string>): Record<string, string> => ({
  KAFKA_BROKER_LIST: bootstrap,
  KAFKA_TOPIC: topics.main,
  EVENT_TYPES: OWN_TOPICS.map((type) => `${type}=made_${type}@${topics[type]}`).join(","),
  SERVER_WRITE_TIMEOUT: "2s",
  SERVER_SHUTDOWN_TIMEOUT: "3s",
  LOG_SAMPLE: "1",
  RDKAFKA_RECONNECT_BACKOFF_MAX_MS: "500",
  RDKAFKA_TRANSACTION_TIMEOUT_MS: "1500",
});
