import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { SIDEPOST } from "./images.ts";
import { endPods } from "./pods.ts";
import { imageValues, poster, valuesFor } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

test("a rolling update of a Deployment under load refuses no post and loses none, and neither does an upgrade of the chart", async () => {
  await using place = await createPlace("rollout");
  const app = poster({ RATE: 100, LAST_WORDS_MS: 1500 });
  const values = (tag: string) => valuesFor(place, { app, replicas: 2, ...imageValues(tag) });
  const rolledOut = () => place.kubectl(["rollout", "status", "deployment/app-sidepost", "--timeout=90s"]);
  await place.helm([
    "package",
    CHART,
    "--version=0.0.1",
    "--app-version=0.0.1",
    `--destination=${place.folder}`,
  ]);
  const previous = `${place.folder}/sidepost-0.0.1.tgz`;
  await place.helm(["install", "app", previous, "--values=-"], values(SIDEPOST.tag));
  await rolledOut();
  await place.helm(["upgrade", "app", CHART, "--values=-"], values(SIDEPOST.nextTag));
  await rolledOut();
  await place.kubectl(["rollout", "restart", "deployment/app-sidepost"]);
  await rolledOut();
  await endPods(place);

  const reckoning = await place.reckon("rolling update");
  expect(reckoning).toMatchObject({ lost: 0, doubled: 0, foreign: 0, refused: 0, "tried again": 0 });
  expect(reckoning.delivered).toBeGreaterThan(500);
});
