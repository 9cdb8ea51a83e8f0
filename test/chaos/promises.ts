import { expect } from "bun:test";
import type { Cluster } from "./cluster.ts";
import { type Measure, run, type Scenario } from "./scenario.ts";

/** Of the short versions. */
const MEASURE = { seed: 1, calm: 200, broken: 700, maxEvents: 50_000 };

/** Runs a short version, shows its table, and expects that nothing went wrong. Resolves with each event's account. */
export async function keepsItsPromises(cluster: Cluster, scenario: Scenario, measure: Partial<Measure> = {}) {
  const { table, faults, ledger } = await run(cluster, scenario, { ...MEASURE, ...measure });
  console.log(table);
  expect(faults).toEqual([]);
  return ledger.accounts;
}
