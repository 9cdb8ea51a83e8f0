import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { keepsItsPromises } from "./promises.ts";
import { ALL_AND_REFUSED } from "./styles.ts";

setDefaultTimeout(120_000);

// Short versions of what `bun run test:chaos` does at length. Each test finds all in order, and leaves it so.
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(1);
}, 120_000);
afterAll(() => cluster[Symbol.asyncDispose]());

test("a broker killed, frozen, cut off, out of reach and far away: nothing is lost, doubled or out of order", async () => {
  const accounts = await keepsItsPromises(cluster, {
    faults: ["network slow", "network silent", "broker frozen", "network cut", "broker killed"],
    styles: ALL_AND_REFUSED,
  });
  const taken = accounts.filter(
    ({ receipt }) => receipt?.status === "delivered" || receipt?.status === "accepted",
  );
  expect(taken.length).toBeGreaterThan(100);
  expect(taken.every(({ found }) => found.length === 1)).toBe(true);
});

test("sidepost killed under load loses only what was accepted, and no part of an atomic batch is there", async () => {
  const accounts = await keepsItsPromises(cluster, { faults: ["sidepost killed", "sidepost killed"] });
  expect(accounts.some(({ status }) => status === undefined)).toBe(true);
});

test("a topic deleted and made anew takes with it what it had, and nothing else", async () => {
  const accounts = await keepsItsPromises(cluster, { faults: ["topic deleted"] });
  const again = accounts.filter(({ style, found }) => style.to === "other" && found.length > 0);
  expect(again.length).toBeGreaterThan(0);
});

test("SIGTERM with the network cut: every accepted event is in Kafka or named as lost, and the exit code says so", async () => {
  const accounts = await keepsItsPromises(cluster, { faults: ["network cut"], sigterm: true });
  expect(accounts.some(({ lostAsTold }) => lostAsTold)).toBe(true);
});

test("the wall clock jumps ahead and back by hours, and no wait for Kafka gets longer", async () => {
  const accounts = await keepsItsPromises(cluster, { faults: ["clock jumps"] }, { broken: 1500, calm: 1500 });
  // A wait that had begun before the clock was set back must not end hours later.
  expect(accounts.filter(({ status }) => status !== undefined && status >= 300)).toEqual([]);
});
