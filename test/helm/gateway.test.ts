import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { envOf, only, podSpec, podTemplate, sidepost } from "./pods.ts";
import { GATEWAY, SIDECAR } from "./values.ts";

const LABELS = { "app.kubernetes.io/name": "sidepost", "app.kubernetes.io/instance": "shop" };

test("should run sidepost alone, within reach of its clients", async () => {
  const pod = podSpec(await render(GATEWAY));
  expect(pod.initContainers).toEqual([]);
  expect(pod.containers.map(({ name }) => name)).toEqual(["sidepost"]);
  const container = sidepost(pod);
  expect(container).not.toHaveProperty("restartPolicy");
  expect(envOf(container)).toMatchObject({ SERVER_ADDRESS: ":8080" });
  expect(container.ports).toEqual([
    { name: "http", containerPort: 8080 },
    { name: "admin", containerPort: 9090 },
  ]);
  expect(container.readinessProbe).toMatchObject({ httpGet: { path: "/readyz", port: "admin" } });
});

test("should put its Pods, and no others, behind a Service", async () => {
  const manifests = await render(GATEWAY);
  expect(only(manifests, "Service")).toMatchObject({
    metadata: { name: "shop-sidepost" },
    spec: { type: "ClusterIP", selector: LABELS, ports: [{ name: "http", port: 8080, targetPort: "http" }] },
  });
  expect(podTemplate(manifests).metadata.labels).toMatchObject(LABELS);
  expect(only(manifests, "Pod").metadata["labels"]).not.toMatchObject(LABELS);
});

test("should have one Service for a StatefulSet, too", async () => {
  const manifests = await render({ ...GATEWAY, kind: "StatefulSet" });
  expect(only(manifests, "Service").metadata.name).toBe("shop-sidepost");
  expect(only(manifests, "StatefulSet")).toMatchObject({ spec: { serviceName: "shop-sidepost" } });
});

test("should follow SERVER_ADDRESS with the port of the container and the policy, not of the Service", async () => {
  const manifests = await render({ ...GATEWAY, env: { SERVER_ADDRESS: ":8888" } });
  expect(sidepost(podSpec(manifests)).ports).toContainEqual({ name: "http", containerPort: 8888 });
  expect(only(manifests, "Service")).toMatchObject({ spec: { ports: [{ port: 8080, targetPort: "http" }] } });
  expect(only(manifests, "NetworkPolicy")).toMatchObject({
    spec: { ingress: [{ ports: [{ port: 9090 }] }, { ports: [{ port: 8888 }] }] },
  });
});

test("should let the autoscaler alone decide how many Pods there are", async () => {
  const manifests = await render({ ...GATEWAY, replicas: 3 });
  expect(only(manifests, "HorizontalPodAutoscaler")).toMatchObject({
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "shop-sidepost" },
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [{ resource: { name: "cpu", target: { type: "AverageValue", averageValue: "700m" } } }],
    },
  });
  expect(only(manifests, "Deployment")["spec"]).not.toHaveProperty("replicas");
  const fixed = await render({ ...GATEWAY, replicas: 3, gateway: { hpa: { enabled: false } } });
  expect(fixed.map(({ kind }) => kind)).not.toContain("HorizontalPodAutoscaler");
  expect(only(fixed, "Deployment")).toMatchObject({ spec: { replicas: 3 } });
});

test("should let one Pod at a time be taken away", async () => {
  expect(only(await render(GATEWAY), "PodDisruptionBudget")).toMatchObject({
    spec: { maxUnavailable: 1, selector: { matchLabels: LABELS } },
  });
});

test("should let in who may post and who may look, and out what goes to Kafka and DNS", async () => {
  const { spec } = only(
    await render({ ...GATEWAY, networkPolicy: { kafkaPorts: [9094, 9092] } }),
    "NetworkPolicy",
  );
  expect(spec).toEqual({
    podSelector: { matchLabels: LABELS },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
        ports: [{ port: 9090 }],
      },
      { from: [{ podSelector: {} }], ports: [{ port: 8080 }] },
    ],
    egress: [
      {
        ports: [
          { port: 53, protocol: "UDP" },
          { port: 53, protocol: "TCP" },
        ],
      },
      { ports: [{ port: 9092 }, { port: 9093 }, { port: 9094 }] },
    ],
  });
});

test("should bind the application by a policy only where that is asked for, and let its ports be", async () => {
  expect((await render(SIDECAR)).map(({ kind }) => kind)).not.toContain("NetworkPolicy");
  const app = { image: "shop:1", ports: [{ containerPort: 3000 }] };
  const egress = [{ ports: [{ port: 5432 }] }];
  const policy = only(
    await render({ ...SIDECAR, app, networkPolicy: { enabled: true, egress } }),
    "NetworkPolicy",
  );
  expect(policy).toMatchObject({
    spec: {
      ingress: [{ ports: [{ port: 9090 }] }, { ports: [{ port: 3000, protocol: "TCP" }] }],
      egress: [{}, {}, egress[0]],
    },
  });
});

test.each([
  ["Job", { kind: "Job" }, "kind: Job is not for mode: gateway; allowed: Deployment, StatefulSet"],
  ["a Unix socket", { socket: { enabled: true } }, "a gateway has clients elsewhere"],
  [
    "localhost",
    { env: { SERVER_ADDRESS: "127.0.0.1:8080" } },
    "127.0.0.1:8080 is out of reach for a gateway's clients",
  ],
])("should refuse %s", async (_, values, message) => {
  await expect(render({ ...GATEWAY, ...values })).rejects.toThrow(message);
});

test("should run where the values have no application at all", async () => {
  await expect(render({ ...GATEWAY, app: null })).resolves.toBeDefined();
});
