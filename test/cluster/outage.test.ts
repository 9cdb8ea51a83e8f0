import { chownSync } from "node:fs";
import { expect, setDefaultTimeout, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { containerOf, endPods, onePod } from "./pods.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace } from "./world.ts";

setDefaultTimeout(240_000);

test("a Pod deleted with Kafka away ends in its time, and the next one sends what the spool on the claim holds", async () => {
  await using place = await createPlace("outage");
  // Kubernetes does not hand the folder of a hostPath to the Pod's group.
  chownSync(place.folder, 65_532, 65_532);
  await place.kubectl(["apply", "-f", "-"], JSON.stringify(volume(place.name, place.folder)));
  const app = poster({ RATE: 200, PREFER: "respond-async", LAST_WORDS_MS: 1000 });
  const values = valuesFor(place, {
    app,
    kind: "StatefulSet",
    spool: { mode: "always", volume: "pvc", storageClassName: place.name, maxBytes: "64MiB" },
  });
  await place.helm(["install", "app", CHART, "--values=-"], values);
  const running = await onePod(place, (pod) => containerOf(pod, "app").ready, "running the application");
  place.network.become("cut");
  await Bun.sleep(3000);

  const graceSeconds = 10 + 30 + 5;
  const begin = performance.now();
  await place.kubectl(["delete", "pod", running.metadata.name]);
  expect(performance.now() - begin).toBeLessThan(graceSeconds * 1000);
  const drained = place.logs.read("sidepost").find(({ fields }) => fields["msg"] === "Drained");
  expect(drained?.fields).toMatchObject({ lost: 0 });
  expect(Number(drained?.fields["spooled"])).toBeGreaterThan(500);

  await onePod(place, (pod) => pod.metadata.uid !== running.metadata.uid, "the next");
  place.network.become("open");
  await onePod(place, (pod) => containerOf(pod, "app").ready, "running the application again");
  await endPods(place, "statefulset/app-sidepost");

  const reckoning = await place.reckon("Pod deleted with Kafka away, spool on a claim");
  expect(reckoning).toMatchObject({ lost: 0, foreign: 0, refused: 0, delivered: 0, accepted: 0 });
});

const volume = (name: string, path: string) => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name },
  spec: {
    storageClassName: name,
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteOnce"],
    persistentVolumeReclaimPolicy: "Retain",
    hostPath: { path },
  },
});
