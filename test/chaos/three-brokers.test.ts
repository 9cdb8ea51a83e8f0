import { expect, setDefaultTimeout, test } from "bun:test";
import { startCluster } from "./cluster.ts";
import { run } from "./scenario.ts";

setDefaultTimeout(120_000);

test("of three brokers one killed, one frozen, and the leaders moved: nothing is lost, doubled or out of order", async () => {
  await using cluster = await startCluster(3);
  const measure = { seed: 1, calm: 200, broken: 700, maxEvents: 50_000 };
  const { table, faults } = await run(
    cluster,
    { faults: ["leaders moved", "broker frozen", "broker killed"] },
    measure,
  );
  console.log(table);
  expect(faults).toEqual([]);
});
