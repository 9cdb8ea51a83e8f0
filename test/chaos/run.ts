import { ensurePackages } from "../../src/native/packages.ts";
import { TEST_NEEDS } from "../helpers/needs.ts";
import { allCases, type Case } from "./cases.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { createRandom } from "./random.ts";
import { run } from "./scenario.ts";

// Every case, for half an hour. SEED=… repeats the choices of a run, words pick cases that have all of them in their
// names, and PROGRAM=dist/sidepost tries the executable.

await ensurePackages(TEST_NEEDS);
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const words = process.argv.slice(2);
const cases = allCases().filter(({ name }) => words.every((word) => name.includes(word)));
console.log(`SEED=${seed}, ${cases.length} cases`);
const failed: string[] = [];
for (const brokers of [1, 3] as const)
  await runAll(
    cases.filter((each) => each.brokers === brokers),
    brokers,
  );
console.log(
  failed.length === 0 ? "Every promise was kept" : `Broken with SEED=${seed}:\n${failed.join("\n")}`,
);
process.exit(cases.length > 0 && failed.length === 0 ? 0 : 1);

async function runAll(some: Case[], brokers: 1 | 3): Promise<void> {
  if (some.length === 0) return;
  await using cluster = await startCluster(brokers);
  for (const each of some) await runOne(cluster, each);
}

async function runOne(cluster: Cluster, each: Case): Promise<void> {
  // Of its own, so that a case alone is as it was among the others.
  const random = createRandom(seed ^ Bun.hash.crc32(each.name));
  const measure = {
    seed: random.between(0, 2 ** 31),
    calm: random.between(1000, 4000),
    broken: random.between(500, 8000),
    maxEvents: 200_000,
  };
  console.log(`\n${each.name} (broken for ${measure.broken} ms)`);
  const { table, faults } = await run(cluster, each, measure);
  console.log(table);
  for (const fault of faults) console.log(`BROKEN: ${fault}`);
  if (faults.length > 0) failed.push(each.name);
}
