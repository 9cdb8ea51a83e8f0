import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeMemoryCgroup } from "../helpers/cgroup.ts";
import type { Kafka } from "../helpers/kafka.ts";
import { freePorts } from "../helpers/ports.ts";
import { type Sidepost, SOURCES, startSidepost } from "../helpers/process.ts";
import type { Prometheus, Target } from "../helpers/prometheus.ts";
import { type Load, startLoad } from "./load.ts";
import { LABELS } from "./rules.ts";

/** How long each part of the story takes, in milliseconds. */
export interface Times {
  well: number;
  /** Kafka is away. */
  away: number;
  back: number;
}

export interface Scenario {
  times: Times;
  /** Events a second for each Pod. */
  rate: number;
  /** ADMISSION_MAX_BYTES, so small that an outage fills it. */
  budget: string;
  /** Called at the end of the outage. */
  duringOutage?: () => Promise<void>;
}

const MEMORY_LIMIT = 256 * 1024 ** 2;
const TOPIC = "orders";

interface Pod {
  start(): Promise<void>;
  /** Ends it as the kubelet does, and resolves with its exit code. */
  stop(): Promise<number>;
  load: Load;
  target: Target;
}

/**
 * Four Pods under load, scraped by `prometheus`: one as it comes, one whose events die of old age, one with a spool that is
 * restarted while Kafka is away, and one that ends meanwhile and loses what it has. Resolves with whether a memory limit
 * could be set.
 */
export async function playScenario(
  kafka: Kafka,
  prometheus: Prometheus,
  scenario: Scenario,
): Promise<boolean> {
  const { times, rate, budget, duringOutage = async () => {} } = scenario;
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "sidepost-scenario-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  await kafka.createTopic(TOPIC, 6);
  const cgroup = makeMemoryCgroup(MEMORY_LIMIT);
  if (cgroup !== undefined) stack.use(cgroup);
  const command = cgroup?.run(SOURCES) ?? SOURCES;
  const ports = await freePorts(8);
  const pod = (index: number, env: Record<string, string> = {}) =>
    createPod(stack, {
      name: `shop-${index}`,
      ports: [ports[2 * index]!, ports[2 * index + 1]!],
      rate,
      command,
      env: {
        KAFKA_BROKER_LIST: kafka.bootstrap,
        KAFKA_TOPIC: TOPIC,
        ADMISSION_MAX_BYTES: budget,
        LOG_SAMPLE: "0",
        RDKAFKA_RECONNECT_BACKOFF_MAX_MS: "500",
        SERVER_SHUTDOWN_TIMEOUT: "5s",
        ...env,
      },
    });
  const spool = {
    SPOOL_MODE: "overflow",
    SPOOL_DIR: folder,
    SPOOL_MAX_BYTES: "64MiB",
    SERVER_WRITE_TIMEOUT: "2s",
  };
  const pods = [pod(0), pod(1, { RDKAFKA_MESSAGE_TIMEOUT_MS: "3000" }), pod(2, spool), pod(3)] as const;
  const [, , spooling, ending] = pods;

  await Promise.all(pods.map(({ start }) => start()));
  prometheus.scrape(pods.map(({ target }) => target));
  await Bun.sleep(times.well);
  await kafka.stopBroker(0, "SIGKILL");
  await Bun.sleep(times.away / 2);
  await Promise.all([spooling.stop().then(spooling.start), ending.stop()]);
  prometheus.scrape(pods.filter((each) => each !== ending).map(({ target }) => target));
  await Bun.sleep(times.away / 2);
  await duringOutage();
  await kafka.startBroker(0);
  await Bun.sleep(times.back);
  await Promise.all(pods.map(({ load }) => load.stop()));
  return cgroup !== undefined;
}

interface PodOptions {
  name: string;
  ports: [data: number, admin: number];
  rate: number;
  command: string[];
  env: Record<string, string>;
}

function createPod(stack: AsyncDisposableStack, { name, ports, rate, command, env }: PodOptions): Pod {
  const [data, admin] = ports.map((port) => `127.0.0.1:${port}`);
  const load = startLoad(`http://${data}`, rate);
  stack.defer(load.stop);
  let process: Sidepost | undefined;
  return {
    async start() {
      process = await startSidepost({
        command,
        env: { ...env, SERVER_ADDRESS: data!, METRICS_PORT: admin! },
      });
      stack.use(process);
    },
    stop() {
      process!.kill();
      return process!.exited;
    },
    load,
    target: { address: admin!, labels: { ...LABELS, pod: name, container: "sidepost" } },
  };
}
