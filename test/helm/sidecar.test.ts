import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { envOf, only, podSpec, podTemplate, sidepost } from "./pods.ts";
import { eachWorkload, GATEWAY, SIDECAR, WORKLOADS } from "./values.ts";

const SIDECARS = eachWorkload.filter(([, values]) => !("mode" in values));

test.each(SIDECARS)(
  "should make sidepost a native sidecar of %s, ready before the application starts",
  async (_, values) => {
    const pod = podSpec(await render(values));
    expect(pod.initContainers).toEqual([
      expect.objectContaining({
        name: "sidepost",
        image: "sidepost:0.1.0",
        restartPolicy: "Always",
        startupProbe: expect.objectContaining({
          httpGet: { path: "/readyz", port: "admin" },
          periodSeconds: 1,
        }),
        livenessProbe: expect.objectContaining({ httpGet: { path: "/livez", port: "admin" } }),
      }),
    ]);
    expect(pod.containers).toMatchObject([{ name: "app", image: "shop:1" }]);
  },
);

test.each(SIDECARS)(
  "should neither end sidepost early nor take %s out of service for it",
  async (_, values) => {
    const container = sidepost(podSpec(await render(values)));
    expect(container).not.toHaveProperty("lifecycle");
    expect(container).not.toHaveProperty("readinessProbe");
  },
);

test.each(SIDECARS)("should let only the containers of %s reach the data port", async (_, values) => {
  const container = sidepost(podSpec(await render(values)));
  expect(envOf(container)).toMatchObject({ SERVER_ADDRESS: "127.0.0.1:8080", METRICS_PORT: ":9090" });
  expect(container.ports).toEqual([{ name: "admin", containerPort: 9090 }]);
});

test.each(eachWorkload)(
  "should render one container for sidepost in %s, whatever the kind",
  async (_, values) => {
    const container = (of: object) => render(of).then((manifests) => sidepost(podSpec(manifests)));
    const reference = "mode" in values ? GATEWAY : SIDECAR;
    expect(await container(values)).toEqual(await container(reference));
  },
);

test("should make sidepost an ordinary container beside the application where nativeSidecar is false", async () => {
  const values = { ...SIDECAR, nativeSidecar: false };
  const pod = podSpec(await render(values, { kubeVersion: "1.25.0" }));
  expect(pod.initContainers).toEqual([]);
  expect(pod.containers.map(({ name }) => name)).toEqual(["sidepost", "app"]);
  const native = sidepost(podSpec(await render(SIDECAR)));
  const { restartPolicy, ...rest } = native;
  expect(restartPolicy).toBe("Always");
  expect(sidepost(pod)).toEqual(rest);
});

test("should pass the application's container on as it is", async () => {
  const app = {
    name: "shop",
    image: "shop:1",
    imagePullPolicy: "Always",
    command: ["/shop"],
    args: ["--port", "3000"],
    env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
    ports: [{ name: "http", containerPort: 3000 }],
    resources: { limits: { memory: "1Gi" } },
    readinessProbe: { httpGet: { path: "/", port: "http" } },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    securityContext: { runAsUser: 1000, allowPrivilegeEscalation: true, capabilities: { drop: ["ALL"] } },
  };
  const volumes = [{ name: "data", emptyDir: {} }];
  const template = podTemplate(await render({ ...SIDECAR, app, volumes }));
  expect(template.spec.containers).toEqual([app] as never);
  expect(template.spec.volumes).toEqual(volumes);
  expect(template.metadata.annotations).toEqual({ "kubectl.kubernetes.io/default-container": "shop" });
});

test("should hand every variable of env to sidepost, as text, and let it win", async () => {
  const env = {
    LOG_SAMPLE: 1_000_000,
    RDKAFKA_ENABLE_GAPLESS_GUARANTEE: true,
    APP_NAME: "shop",
    SERVER_ADDRESS: "127.0.0.1:8081",
    METRICS_PORT: ":9091",
  };
  const container = sidepost(podSpec(await render({ ...SIDECAR, env })));
  expect(envOf(container)).toMatchObject({
    LOG_SAMPLE: "1000000",
    RDKAFKA_ENABLE_GAPLESS_GUARANTEE: "true",
    APP_NAME: "shop",
    SERVER_ADDRESS: "127.0.0.1:8081",
    METRICS_PORT: ":9091",
    KAFKA_BROKER_LIST: "kafka-0:9092,kafka-1:9093",
  });
  expect(container.ports).toEqual([{ name: "admin", containerPort: 9091 }]);
});

test("should name a Job after its spec, since a Job cannot be changed", async () => {
  const name = async (values: object) =>
    only(await render({ ...WORKLOADS["a Job"], ...values }), "Job").metadata.name;
  const [first, again, other] = await Promise.all([name({}), name({}), name({ app: { image: "shop:2" } })]);
  expect(first).toMatch(/^shop-sidepost-[0-9a-f]{8}$/);
  expect(again).toBe(first!);
  expect(other).not.toBe(first!);
});

test("should run a CronJob by its schedule, never twice at once", async () => {
  const job = {
    schedule: "*/5 * * * *",
    timeZone: "Europe/Berlin",
    backoffLimit: 1,
    ttlSecondsAfterFinished: 0,
  };
  expect(only(await render({ ...WORKLOADS["a CronJob"], job }), "CronJob")).toMatchObject({
    spec: {
      schedule: "*/5 * * * *",
      timeZone: "Europe/Berlin",
      concurrencyPolicy: "Forbid",
      jobTemplate: {
        spec: { backoffLimit: 1, ttlSecondsAfterFinished: 0, template: { spec: { restartPolicy: "Never" } } },
      },
    },
  });
});

test("should share a folder for a Unix socket between the two containers, and open no data port", async () => {
  const pod = podSpec(await render({ ...SIDECAR, socket: { enabled: true } }));
  const mount = { name: "sidepost-socket", mountPath: "/run/sidepost" };
  expect(envOf(sidepost(pod))).toMatchObject({ SERVER_ADDRESS: "unix:/run/sidepost/data.sock" });
  expect(sidepost(pod).volumeMounts).toEqual([mount]);
  expect(pod.containers).toMatchObject([{ name: "app", volumeMounts: [mount] }]);
  expect(pod.volumes).toMatchObject([{ name: "sidepost-socket", emptyDir: {} }]);
});
