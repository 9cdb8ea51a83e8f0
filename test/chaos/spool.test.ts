import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { canMount } from "./disk.ts";
import { keepsItsPromises } from "./promises.ts";

setDefaultTimeout(120_000);

// As ./one-broker.test.ts, with events on disk.
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(1);
}, 120_000);
afterAll(() => cluster[Symbol.asyncDispose]());

const answered = (kind: string, accounts: Awaited<ReturnType<typeof keepsItsPromises>>) =>
  accounts.filter(({ receipt }) => receipt?.status === kind);

test("sidepost killed again and again with SPOOL_MODE=always: all that was stored is in Kafka, in order", async () => {
  const accounts = await keepsItsPromises(cluster, {
    spool: "always",
    faults: ["sidepost killed", "network cut", "sidepost killed"],
  });
  expect(answered("stored", accounts).length).toBeGreaterThan(100);
  expect(answered("accepted", accounts)).toEqual([]);
});

test("SIGTERM with the broker frozen and SPOOL_MODE=overflow: what was only accepted outlives the process, too", async () => {
  const accounts = await keepsItsPromises(cluster, {
    spool: "overflow",
    faults: ["broker frozen"],
    sigterm: true,
  });
  const accepted = answered("accepted", accounts);
  expect(accepted.length).toBeGreaterThan(100);
  expect(accepted.every(({ found }) => found.length > 0)).toBe(true);
});

test.skipIf(!canMount)(
  "a disk that is full: nothing is answered stored that is not, and it goes on when there is room",
  async () => {
    const accounts = await keepsItsPromises(cluster, { spool: "always", faults: ["disk full"] });
    expect(accounts.some(({ status }) => status === 503)).toBe(true);
    expect(answered("stored", accounts).length).toBeGreaterThan(0);
    expect(answered("accepted", accounts)).toEqual([]);
  },
);
