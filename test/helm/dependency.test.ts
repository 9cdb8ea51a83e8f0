import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHART, render } from "../helpers/helm.ts";
import { only, podSpec, podTemplate, sidepost } from "./pods.ts";
import { SIDECAR } from "./values.ts";

// As `helm dependency update` leaves it, without a registry.
const parent = mkdtempSync(join(tmpdir(), "sidepost-parent-"));
cpSync(join(import.meta.dir, "fixtures/parent"), parent, { recursive: true });
cpSync(CHART, join(parent, "charts/sidepost"), { recursive: true });
afterAll(() => rmSync(parent, { recursive: true }));

const renderParent = (values: object) => render({ sidepost: values }, { chart: parent });

test("should give another chart's Pod the same container that this one makes", async () => {
  const manifests = await renderParent({ kafka: SIDECAR.kafka });
  expect(manifests.map(({ kind }) => kind)).toEqual(["Deployment"]);
  expect(sidepost(podSpec(manifests))).toEqual(sidepost(podSpec(await render(SIDECAR))));
  expect(podSpec(manifests).initContainers).toHaveLength(1);
  expect(podSpec(manifests).terminationGracePeriodSeconds).toBe(65);
});

test("should give another chart's Pod the volumes that the container mounts", async () => {
  const values = {
    spool: { mode: "always" },
    socket: { enabled: true },
    kafka: { existingSecret: "kafka-user" },
  };
  const { volumes, initContainers } = podSpec(await renderParent(values));
  const mounts = initContainers.flatMap(({ volumeMounts }) => volumeMounts);
  expect(volumes.map(({ name }) => name)).toEqual(["sidepost-spool", "sidepost-kafka", "sidepost-socket"]);
  expect(mounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name));
});

test("should give another chart's StatefulSet a claim for each Pod, and its Deployment one that is made here", async () => {
  const spool = { mode: "always", volume: "pvc" };
  const stateful = await render(
    { stateful: true, sidepost: { kind: "StatefulSet", spool } },
    { chart: parent },
  );
  expect(only(stateful, "StatefulSet")).toMatchObject({
    spec: { volumeClaimTemplates: [{ metadata: { name: "sidepost-spool" } }] },
  });
  expect(stateful.map(({ kind }) => kind)).not.toContain("PersistentVolumeClaim");
  const claim = only(await renderParent({ spool }), "PersistentVolumeClaim").metadata.name;
  expect(podSpec(await renderParent({ spool })).volumes).toMatchObject([
    { persistentVolumeClaim: { claimName: claim } },
  ]);
});

test("should check the values that another chart gives, too", async () => {
  await expect(renderParent({ env: { SERVER_READ_TIMEOUT: "banana" } })).rejects.toThrow(
    "/env/SERVER_READ_TIMEOUT",
  );
  await expect(renderParent({ kafka: { brokers: "" } })).rejects.toThrow("kafka.brokers is missing");
  await expect(renderParent({ terminationGracePeriodSeconds: 30 })).rejects.toThrow("expected 65 or more");
});

test("should leave labels of the Pod to the other chart", async () => {
  expect(podTemplate(await renderParent({})).metadata.labels).toEqual({ app: "shop" });
});
