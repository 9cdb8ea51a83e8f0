import { setDefaultTimeout, test } from "bun:test";
import { startCluster } from "./cluster.ts";
import { keepsItsPromises } from "./promises.ts";
import { ALL_AND_REFUSED } from "./styles.ts";

setDefaultTimeout(120_000);

test("of three brokers one killed, one frozen, and the leaders moved: nothing is lost, doubled or out of order", async () => {
  await using cluster = await startCluster(3);
  await keepsItsPromises(cluster, {
    faults: ["leaders moved", "broker frozen", "broker killed"],
    styles: ALL_AND_REFUSED,
  });
});
