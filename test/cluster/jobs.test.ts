import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import type { Reckoning } from "./reckoning.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

/** Nothing is waited for, and the application ends with its last post. */
const BURST = { SECONDS: 2, RATE: 50, BURST: 3000, PREFER: "respond-async" };

/** More than the burst was posted, and each event is in Kafka once. */
function expectAll(reckoning: Reckoning): void {
  const { posted } = reckoning;
  expect(posted).toBeGreaterThan(BURST.BURST);
  expect(reckoning).toMatchObject({ accepted: posted, "in Kafka": posted, lost: 0, doubled: 0, foreign: 0 });
}

test("a Job with a burst in its last second completes, and all of it is in Kafka", async () => {
  await using place = await createPlace("job");
  const values = valuesFor(place, { kind: "Job", app: poster(BURST) });
  await place.helm(["install", "app", CHART, "--values=-"], values);
  await place.kubectl(["wait", "--for=condition=Complete", "job", "--all", "--timeout=90s"]);
  expectAll(await place.reckon("Job"));
});

test("so does a CronJob's Job", async () => {
  await using place = await createPlace("cronjob");
  const values = valuesFor(place, { kind: "CronJob", app: poster(BURST) });
  await place.helm(["install", "app", CHART, "--values=-"], values);
  await place.kubectl(["create", "job", "now", "--from=cronjob/app-sidepost"]);
  await place.kubectl(["wait", "--for=condition=Complete", "job/now", "--timeout=90s"]);
  expectAll(await place.reckon("CronJob"));
});

test("so does a Job on a cluster without native sidecars, whose application says when it is done", async () => {
  await using place = await createPlace("quit");
  const app = poster({
    ...BURST,
    READY_URL: "http://127.0.0.1:9090/readyz",
    QUIT_URL: "http://127.0.0.1:9090/quitquitquit",
  });
  await place.helm(
    ["install", "app", CHART, "--values=-"],
    valuesFor(place, { kind: "Job", nativeSidecar: false, app }),
  );
  await place.kubectl(["wait", "--for=condition=Complete", "job", "--all", "--timeout=90s"]);
  expectAll(await place.reckon("Job, ordinary container"));
});
