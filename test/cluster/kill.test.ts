import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { exhaustMemory } from "./cgroup.ts";
import { containerOf, endPods, onePod } from "./pods.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

test("sidepost killed for want of memory while Kafka is away starts again, and sends what its spool on an emptyDir holds", async () => {
  await using place = await createPlace("kill");
  const app = poster({ RATE: 200, PREFER: "respond-async", LAST_WORDS_MS: 500 });
  await place.helm(
    ["install", "app", CHART, "--values=-"],
    valuesFor(place, { app, spool: { mode: "always" } }),
  );
  const pod = await onePod(place, (each) => containerOf(each, "app").ready, "running the application");
  place.network.become("cut");
  await Bun.sleep(3000);
  await exhaustMemory(pod, containerOf(pod, "sidepost"));
  const restarted = await onePod(
    place,
    (each) =>
      containerOf(each, "sidepost").restartCount === 1 &&
      containerOf(each, "sidepost").state.running !== undefined,
    "running sidepost anew",
  );
  expect(containerOf(restarted, "sidepost").lastState.terminated?.reason).toBe("OOMKilled");
  expect(containerOf(restarted, "app").restartCount).toBe(0);
  await Bun.sleep(2000);
  place.network.become("open");
  await onePod(place, (each) => containerOf(each, "sidepost").started, "in touch with Kafka again");
  await endPods(place);

  const reckoning = await place.reckon("sidepost OOM-killed, spool on emptyDir");
  // Not "doubled": a process that ended repeats what Kafka confirmed in the last moment before.
  expect(reckoning).toMatchObject({ lost: 0, foreign: 0, delivered: 0, accepted: 0 });
  expect(reckoning.stored).toBeGreaterThan(500);
});
