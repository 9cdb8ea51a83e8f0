import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { memoryOf, type Memory } from "./cgroup.ts";
import { containerOf, endPods, onePod, type Pod } from "./pods.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

const MEBIBYTE = 2 ** 20;
/** How long clients go on when the memory is full. */
const FULL_MS = 5000;
/** The most that it may take to fill it. */
const PATIENCE_MS = 120_000;

test("with Kafka away and clients that never stop sidepost stays within a small limit, and keeps all that it took", async () => {
  await using place = await createPlace("memory");
  const app = poster({
    RATE: 3000,
    CONNECTIONS: 16,
    PAD_BYTES: 3000,
    PREFER: "respond-async",
    LAST_WORDS_MS: 500,
  });
  const resources = { requests: { cpu: "10m", memory: "64Mi" }, limits: { memory: "128Mi" } };
  await place.helm(["install", "app", CHART, "--values=-"], valuesFor(place, { app, resources }));
  const pod = await onePod(place, (each) => containerOf(each, "app").ready, "running the application");
  place.network.become("cut");
  const samples = await sampleUntilFull(pod);
  place.network.become("open");
  const after = await onePod(place, () => true, "there");
  expect(containerOf(after, "sidepost")).toMatchObject({ restartCount: 0, ready: true });
  await endPods(place);

  const peak = Math.max(...samples.map(({ resident }) => resident));
  const { limit = 0, timesAtLimit } = samples.at(-1) ?? {};
  console.log(
    `memory: ${mebibytes(peak)} resident at most of ${mebibytes(limit)}, ${timesAtLimit} times at the limit`,
  );
  expect(limit).toBe(128 * MEBIBYTE);
  expect(peak).toBeLessThan(limit);
  const reckoning = await place.reckon("Kafka away, clients never stop, 128Mi");
  expect(reckoning).toMatchObject({ lost: 0, doubled: 0, foreign: 0 });
  // Otherwise the memory was never full.
  expect(reckoning.refused).toBeGreaterThan(0);
});

const mebibytes = (bytes: number): string => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;

/** Looks five times a second, until posts have been refused for a while. */
async function sampleUntilFull(pod: Pod): Promise<Memory[]> {
  const samples: Memory[] = [];
  const begin = performance.now();
  for (let end = begin + PATIENCE_MS; performance.now() < end; await Bun.sleep(200)) {
    samples.push(memoryOf(pod, containerOf(pod, "sidepost")));
    if (end === begin + PATIENCE_MS && (await refuses(pod))) end = performance.now() + FULL_MS;
  }
  return samples;
}

async function refuses({ status }: Pod): Promise<boolean> {
  const metrics = await (await fetch(`http://${status.podIP}:9090/metrics`)).text();
  return /^producer_events_rejected_total\{code="admission-closed"\} [1-9]/m.test(metrics);
}
