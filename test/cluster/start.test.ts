import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { containerOf, endPods, onePod } from "./pods.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

test("with Kafka out of reach a Pod waits and says why; when Kafka comes the application starts, and its first post is taken", async () => {
  await using place = await createPlace("start");
  place.network.become("cut");
  const app = poster({ RATE: 100, LAST_WORDS_MS: 500 });
  await place.helm(["install", "app", CHART, "--values=-"], valuesFor(place, { app }));
  const waiting = await onePod(
    place,
    (pod) =>
      containerOf(pod, "sidepost").state.running !== undefined &&
      containerOf(pod, "app").state.waiting !== undefined,
    "waiting for sidepost",
  );
  await Bun.sleep(3000);
  expect(place.logs.read("app")).toEqual([]);
  expect(containerOf(waiting, "sidepost").started).toBe(false);
  expect(await place.kubectl(["get", "events"])).toContain(
    "Startup probe failed: HTTP probe failed with statuscode: 503",
  );
  expect(
    place.logs
      .read("sidepost")
      .map(({ text }) => text)
      .join("\n"),
  ).toContain("all broker connections are down");

  place.network.become("open");
  await onePod(place, (pod) => containerOf(pod, "app").ready, "running the application");
  await endPods(place);

  const at = (container: string, msg: string) =>
    place.logs.read(container).find(({ fields }) => fields["msg"] === msg)?.at ?? NaN;
  expect(at("app", "first answer")).toBeGreaterThan(at("sidepost", "Kafka reached"));
  expect(await place.reckon("Kafka comes after the Pod")).toMatchObject({ lost: 0, doubled: 0, refused: 0 });
});
