import { consume, type ConsumedRecord } from "../helpers/consume.ts";
import { waitUntil } from "../helpers/wait.ts";
import type { Cluster } from "./cluster.ts";
import { FAULTS, type FaultName } from "./faults.ts";
import { balance, type Ledger } from "./ledger.ts";
import { type Load, startLoad } from "./load.ts";
import { type Style, STYLES } from "./styles.ts";
import { faultsOf, tableOf } from "./table.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

export interface Scenario {
  faults: readonly FaultName[];
  spool?: WorldOptions["spool"];
  /** SIGTERM while it is broken, and another start once it is mended. */
  sigterm?: boolean;
  styles?: readonly Style[];
  env?: Record<string, string>;
}

/** How much of it. */
export interface Measure {
  seed: number;
  /** Milliseconds with nothing broken before and after each fault, and with it. */
  calm: number;
  broken: number;
  maxEvents: number;
}

export interface Result {
  table: string;
  /** What must not have been; empty where every promise was kept. */
  faults: string[];
  ledger: Ledger;
}

/** Breaks one thing after the other under load, and compares what was answered with what is in Kafka in the end. */
export async function run(cluster: Cluster, scenario: Scenario, measure: Measure): Promise<Result> {
  const { faults: names, spool = "off", styles = Object.values(STYLES), env = {} } = scenario;
  await using world = await createWorld({
    cluster,
    seed: measure.seed,
    spool,
    env,
    ownDisk: names.includes("disk full"),
    ownClock: names.includes("clock jumps"),
  });
  const { service, random, topics } = world;
  const load = startLoad({ port: service.port, random, styles, maxEvents: measure.maxEvents });
  const faults = await breakThings(world, scenario, measure, load).finally(load.stop);
  faults.push(...(await service.settled(SETTLE_MS)), ...(await service.terminate()));
  const ledger = await readLedger(world, load, Object.values(topics));
  return { table: tableOf(ledger), faults: [...faults, ...faultsOf(ledger)], ledger };
}

const SETTLE_MS = 60_000;

async function breakThings(
  world: World,
  { faults, sigterm }: Scenario,
  { calm, broken }: Measure,
  load: Load,
): Promise<string[]> {
  const { service } = world;
  const wrong: string[] = [];
  await peace(load, calm);
  for (const fault of faults) {
    const brokenSince = Date.now();
    const mend = await FAULTS[fault](world);
    try {
      await Bun.sleep(broken);
      if (sigterm && service.running)
        wrong.push(...(await service.terminate(brokenSince)).map((said) => `${fault}: ${said}`));
    } finally {
      await mend();
    }
    if (!service.running) await service.start();
    await peace(load, calm);
  }
  return wrong;
}

/** Goes on for so long, and until every poster has been answered a few times. */
async function peace(load: Load, ms: number): Promise<void> {
  await Promise.all([Bun.sleep(ms), load.untilAnswered(3)]);
}

/** Long enough for a transaction that a killed process left open to be aborted: until then it hides what comes later. */
const READ_MS = 20_000;

/** What Kafka has, once nothing is missing, or when it is clear that something is. */
async function readLedger(
  { cluster, service, deletedAt }: World,
  { posted }: Load,
  topics: string[],
): Promise<Ledger> {
  const { lives } = service;
  let records: ConsumedRecord[] = [];
  const complete = async () => {
    records = (await Promise.all(topics.map((topic) => consume(cluster.kafka.bootstrap, topic)))).flat();
    const ledger = balance({ posted, records, lives, deletedAt });
    return faultsOf(ledger).length === 0 ? ledger : undefined;
  };
  const late = () => new Error("something is missing");
  return waitUntil(complete, READ_MS, late).catch(() => balance({ posted, records, lives, deletedAt }));
}
