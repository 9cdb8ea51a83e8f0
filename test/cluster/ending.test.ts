import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { containerOf, endPods, onePod } from "./pods.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace, type Place } from "./world.ts";

setDefaultTimeout(240_000);

test("SIGTERM reaches sidepost after the application has had its last words", async () => {
  await using place = await createPlace("ending");
  const app = poster({ RATE: 100, LAST_WORDS_MS: 4000 });
  await place.helm(["install", "app", CHART, "--values=-"], valuesFor(place, { app }));
  await onePod(place, (pod) => containerOf(pod, "app").ready, "running the application");
  await endPods(place);

  const [told, last, draining] = [
    at(place, "app", "SIGTERM"),
    at(place, "app", "counts"),
    at(place, "sidepost", "Draining"),
  ];
  expect(last - told).toBeGreaterThanOrEqual(4000);
  expect(draining).toBeGreaterThan(last);
  expect(await place.reckon("last words of 4 s")).toMatchObject({ lost: 0, doubled: 0, refused: 0 });
});

test("a Pod with Kafka away ends within its grace period, and names each event that it loses", async () => {
  await using place = await createPlace("deaf");
  const app = poster({ RATE: 100, PREFER: "respond-async", LAST_WORDS_MS: 1000 });
  const values = valuesFor(place, {
    app,
    env: { SERVER_SHUTDOWN_TIMEOUT: "8s" },
  });
  await place.helm(["install", "app", CHART, "--values=-"], values);
  await onePod(place, (pod) => containerOf(pod, "app").ready, "running the application");
  place.network.become("cut");
  await Bun.sleep(2000);
  const graceSeconds = 10 + 8 + 5;
  const begin = performance.now();
  await endPods(place);
  expect(performance.now() - begin).toBeLessThan(graceSeconds * 1000);

  const lines = place.logs.read("sidepost").map(({ fields }) => fields);
  const named = lines.filter(({ msg }) => msg === "Event lost").length;
  expect(lines.at(-1)).toMatchObject({ msg: "Drained", lost: named });
  const reckoning = await place.reckon("Pod ends with Kafka away, no spool");
  expect(reckoning).toMatchObject({ doubled: 0, refused: 0 });
  expect(reckoning.lost).toBeGreaterThan(100);
  // What was written at the moment of the cut may be in Kafka; sidepost does not know it.
  expect(reckoning.lost).toBeLessThanOrEqual(named);
});

const at = (place: Place, container: string, msg: string): number =>
  place.logs.read(container).find(({ fields }) => fields["msg"] === msg)?.at ?? NaN;
