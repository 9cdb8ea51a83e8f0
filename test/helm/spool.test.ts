import { expect, test } from "bun:test";
import { render, type Values } from "../helpers/helm.ts";
import { envOf, only, podSpec, sidepost, testPod } from "./pods.ts";
import { GATEWAY, SIDECAR, WORKLOADS } from "./values.ts";

const spooling = (spool: object, values: Values = SIDECAR) =>
  render({ ...values, spool: { mode: "always", ...spool } });
const kinds = (manifests: { kind: string }[]) => manifests.map(({ kind }) => kind);
const pvc = { volume: "pvc" };
const STATEFUL = WORKLOADS["a StatefulSet"];

test.each(["off", false])("should mount nothing where spool.mode is %p", async (mode) => {
  const pod = podSpec(await spooling({ mode, volume: "pvc" }));
  expect(sidepost(pod).volumeMounts).toEqual([]);
  expect(pod.volumes).toEqual([]);
  expect(envOf(sidepost(pod))).not.toHaveProperty("SPOOL_MODE");
});

test("should put the spool on a volume that is larger than it may become", async () => {
  const pod = podSpec(await spooling({ mode: "overflow", maxBytes: "512MiB" }));
  expect(envOf(sidepost(pod))).toMatchObject({
    SPOOL_MODE: "overflow",
    SPOOL_DIR: "/var/lib/sidepost",
    SPOOL_MAX_BYTES: "512MiB",
  });
  expect(sidepost(pod).volumeMounts).toEqual([{ name: "sidepost-spool", mountPath: "/var/lib/sidepost" }]);
  expect(pod.volumes).toEqual([{ name: "sidepost-spool", emptyDir: { sizeLimit: "1088Mi" } }] as never);
});

test.each([
  ["1GB", "1971Mi"],
  ["1048576B", "66Mi"],
  ["3GiB", "6208Mi"],
])("should understand a spool.maxBytes of %s", async (maxBytes, sizeLimit) => {
  expect(podSpec(await spooling({ maxBytes })).volumes).toMatchObject([{ emptyDir: { sizeLimit } }]);
});

test("should keep the spool out of the way of the test's Pod, which is not the one that it belongs to", async () => {
  const pod = testPod(await spooling(pvc));
  expect(pod.volumes).toEqual([]);
  expect(envOf(sidepost(pod))).not.toHaveProperty("SPOOL_MODE");
});

test("should make a claim for the one Pod of a Deployment, keep it, and never run two Pods on it", async () => {
  const manifests = await spooling({ ...pvc, storageClassName: "fast" });
  expect(only(manifests, "PersistentVolumeClaim")).toMatchObject({
    metadata: { name: "shop-sidepost-spool", annotations: { "helm.sh/resource-policy": "keep" } },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "fast",
      resources: { requests: { storage: "2112Mi" } },
    },
  });
  expect(only(manifests, "Deployment")).toMatchObject({
    spec: { replicas: 1, strategy: { type: "Recreate" } },
  });
  expect(podSpec(manifests).volumes).toEqual([
    { name: "sidepost-spool", persistentVolumeClaim: { claimName: "shop-sidepost-spool" } },
  ] as never);
});

test("should use a claim that exists, and make none", async () => {
  const manifests = await spooling({ ...pvc, existingClaim: "mine" }, WORKLOADS["a Job"]);
  expect(kinds(manifests)).not.toContain("PersistentVolumeClaim");
  expect(podSpec(manifests).volumes).toMatchObject([{ persistentVolumeClaim: { claimName: "mine" } }]);
});

test("should give each Pod of a StatefulSet a claim of its own", async () => {
  const manifests = await spooling({ ...pvc, size: "5Gi" }, { ...STATEFUL, replicas: 3 });
  expect(kinds(manifests)).not.toContain("PersistentVolumeClaim");
  expect(only(manifests, "StatefulSet")).toMatchObject({
    spec: {
      replicas: 3,
      serviceName: "shop-sidepost-pods",
      volumeClaimTemplates: [
        { metadata: { name: "sidepost-spool" }, spec: { resources: { requests: { storage: "5Gi" } } } },
      ],
    },
  });
  expect(only(manifests, "Service")).toMatchObject({
    metadata: { name: "shop-sidepost-pods" },
    spec: { clusterIP: "None" },
  });
  expect(podSpec(manifests).volumes).toEqual([]);
});

const FIXED = { hpa: { enabled: false } };

test.each<[string, object, Values, string]>([
  [
    "a volume that is too small",
    { maxBytes: "1GiB", size: "1Gi" },
    SIDECAR,
    "spool.size: 1Gi is too small for spool.maxBytes: 1GiB",
  ],
  [
    "a claim for an emptyDir",
    { existingClaim: "mine" },
    SIDECAR,
    "spool.existingClaim is for spool.volume: pvc",
  ],
  ["one claim for two Pods", pvc, { ...SIDECAR, replicas: 2 }, "replicas: 2 cannot share one spool"],
  [
    "one claim for two Pods of a StatefulSet",
    { ...pvc, existingClaim: "mine" },
    { ...STATEFUL, replicas: 2 },
    "replicas: 2 cannot share one spool",
  ],
  [
    "one claim for Jobs that run at once",
    pvc,
    { ...WORKLOADS["a Job"], job: { parallelism: 2 } },
    "Pods that run at once cannot share one spool",
  ],
  [
    "one claim for runs that overlap",
    pvc,
    { ...WORKLOADS["a CronJob"], job: { concurrencyPolicy: "Allow" } },
    "Pods that run at once cannot share one spool",
  ],
  ["one claim for a gateway's Pods", pvc, { ...GATEWAY, gateway: FIXED }, "set kind: StatefulSet"],
  [
    "an autoscaler of Pods with claims",
    pvc,
    WORKLOADS["a gateway's StatefulSet"],
    "a Pod that is scaled away leaves its spool behind",
  ],
])("should refuse %s", async (_, spool, values, message) => {
  await expect(spooling(spool, values)).rejects.toThrow(message);
});

test("should run a gateway with a claim for each Pod where their number is fixed", async () => {
  const manifests = await spooling(pvc, {
    ...WORKLOADS["a gateway's StatefulSet"],
    replicas: 2,
    gateway: FIXED,
  });
  expect(only(manifests, "StatefulSet")).toMatchObject({ spec: { replicas: 2 } });
});
