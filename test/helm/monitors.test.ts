import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { kube, render, type Values } from "../helpers/helm.ts";
import { faultsOf, readDefinition } from "../helpers/open-api.ts";
import { only } from "./pods.ts";
import { BASE } from "./rules.ts";

const CRDS = join(kube(), "crds");
const GATEWAY = { mode: "gateway", kafka: { brokers: "kafka:9092" } };
const podMonitor = { enabled: true };
const ALERTS = { enabled: true, runbookUrl: "https://example.com/", labels: { release: "prometheus" } };

const onlyOf = async (kind: string, values: Values) => only(await render(values), kind);

/** The operator's own definitions lie in the test cluster's folder. */
const byDefinition = test.skipIf(!existsSync(CRDS));

byDefinition.each([
  ["podmonitors", { ...BASE, metrics: { podMonitor } }],
  ["servicemonitors", { ...GATEWAY, metrics: { serviceMonitor: { enabled: true } } }],
  ["prometheusrules", { ...BASE, alerts: ALERTS }],
])("%s are valid by the operator's definitions", async (name, values) => {
  const { apiVersion, kind, schema } = readDefinition(await Bun.file(join(CRDS, `${name}.yaml`)).text());
  const manifest = await onlyOf(kind, values);
  expect(manifest.apiVersion).toBe(apiVersion);
  expect(faultsOf(manifest, schema)).toEqual([]);
});

byDefinition("a mistake is found", async () => {
  const { kind, schema } = readDefinition(await Bun.file(join(CRDS, "podmonitors.yaml")).text());
  const manifest = await onlyOf(kind, { ...BASE, metrics: { podMonitor } });
  const broken = { ...manifest, spec: { podMetricsEndpoints: [{ port: 9090, intervall: "1s" }] } };
  expect(faultsOf(broken, schema)).toEqual([
    "/spec: selector is missing",
    expect.stringContaining("/spec/podMetricsEndpoints/0/port: expected string"),
    "/spec/podMetricsEndpoints/0/intervall: not known",
  ]);
});

test("the PodMonitor finds the chart's Pods by their labels, and the admin port by its name", async () => {
  const monitor = await onlyOf("PodMonitor", { ...BASE, metrics: { podMonitor } });
  const { template } = (await onlyOf("Deployment", BASE))["spec"] as { template: Record<string, never> };
  expect(monitor["spec"]).toEqual({
    selector: { matchLabels: template["metadata"]!["labels"] },
    podMetricsEndpoints: [
      {
        port: "admin",
        path: "/metrics",
        interval: "15s",
        relabelings: [{ targetLabel: "job", replacement: "shop-sidepost" }],
      },
    ],
  });
  const [container] = template["spec"]!["initContainers"] as { ports: { name: string }[] }[];
  expect(container!.ports.map(({ name }) => name)).toContain("admin");
});

test("the ServiceMonitor finds the gateway's Service, and the port that the Service does not have", async () => {
  const values = { ...GATEWAY, metrics: { serviceMonitor: { enabled: true, interval: "5s" } } };
  const { spec } = await onlyOf("ServiceMonitor", values);
  const service = await onlyOf("Service", values);
  expect(service.metadata["labels"]).toMatchObject(
    (spec as { selector: { matchLabels: object } }).selector.matchLabels,
  );
  expect(spec).toMatchObject({ endpoints: [{ targetPort: "admin", interval: "5s" }] });
});

test("with a chart of one's own the PodMonitor goes by the labels of its Pods", async () => {
  const values = { ...BASE, mode: "container", app: {}, metrics: { podMonitor } };
  await expect(render(values)).rejects.toThrow("metrics.podMonitor.podLabels is missing");
  const own = { ...values, metrics: { podMonitor: { ...podMonitor, podLabels: { app: "checkout" } } } };
  expect((await onlyOf("PodMonitor", own))["spec"]).toMatchObject({
    selector: { matchLabels: { app: "checkout" } },
  });
});

test.each([
  ["without metrics", { ...BASE, metrics: { enabled: false, podMonitor } }, "there is nothing to scrape"],
  ["twice", { ...GATEWAY, metrics: { podMonitor, serviceMonitor: { enabled: true } } }, "choose one"],
  [
    "through a Service that is not there",
    { ...BASE, metrics: { serviceMonitor: { enabled: true } } },
    "set metrics.podMonitor.enabled",
  ],
])("Pods are not scraped %s", async (_, values, message) => {
  await expect(render(values)).rejects.toThrow(message);
});

test("what chooses monitors, rules and dashboards finds its label on them", async () => {
  const labels = { release: "prometheus" };
  const monitor = await onlyOf("PodMonitor", { ...BASE, metrics: { podMonitor: { ...podMonitor, labels } } });
  const rule = await onlyOf("PrometheusRule", { ...BASE, alerts: ALERTS });
  const dashboard = await onlyOf("ConfigMap", { ...BASE, dashboard: { enabled: true, labels } });
  for (const { metadata } of [monitor, rule, dashboard])
    expect(metadata["labels"]).toMatchObject({ ...labels, "app.kubernetes.io/name": "sidepost" });
});

test("none of them is there unless it is asked for", async () => {
  const kinds = (await render(BASE)).map(({ kind }) => kind);
  expect(kinds).not.toContainAnyValues(["PodMonitor", "ServiceMonitor", "PrometheusRule", "ConfigMap"]);
});
