import { expect, test } from "bun:test";
import { CHART, helm, render, renderText } from "../helpers/helm.ts";
import { podSpec, sidepost } from "./pods.ts";
import { eachWorkload, GATEWAY, SIDECAR } from "./values.ts";
import { version } from "../../package.json";

const OLD = "1.25.0";
const VERSIONS = ["1.29.0", "1.34.0"];

test.each(eachWorkload.flatMap(([name, values]) => VERSIONS.map((kube) => [name, kube, values] as const)))(
  "should render %s for Kubernetes %s as for any other",
  async (_, kubeVersion, values) => {
    const text = (kube: string) =>
      renderText({ ...values, gateway: { preStopSeconds: 5 } }, { kubeVersion: kube });
    const newest = (await text("1.34.0")).replace(/ +lifecycle:\n +preStop:\n.*\n/, "");
    expect((await text(kubeVersion)).replace(/ +lifecycle:\n +preStop:\n.*\n/, "")).toBe(newest);
  },
);

test.each(["1.25.0", "1.28.15"])(
  "should refuse native sidecars on Kubernetes %s, and say what to set",
  async (kubeVersion) => {
    await expect(render(SIDECAR, { kubeVersion })).rejects.toThrow(
      `native sidecars need Kubernetes 1.29, and this is v${kubeVersion}: set nativeSidecar: false`,
    );
  },
);

test("should take the 1.29 of a vendor for 1.29", async () => {
  const pod = podSpec(await render(SIDECAR, { kubeVersion: "1.29.3-gke.1282001" }));
  expect(sidepost(pod).restartPolicy).toBe("Always");
});

test.each(eachWorkload)(
  "should render %s for Kubernetes 1.25 with ordinary containers",
  async (_, values) => {
    const pod = podSpec(await render({ ...values, nativeSidecar: false }, { kubeVersion: OLD }));
    expect(pod.initContainers).toEqual([]);
  },
);

test("should let a gateway's Pod sleep before SIGTERM where Kubernetes can", async () => {
  const lifecycle = async (kubeVersion: string) =>
    sidepost(podSpec(await render(GATEWAY, { kubeVersion }))).lifecycle;
  expect(await lifecycle("1.29.0")).toBeUndefined();
  expect(await lifecycle("1.30.0")).toEqual({ preStop: { sleep: { seconds: 5 } } });
});

test("should refuse a Kubernetes that is older than 1.25", async () => {
  await expect(render(GATEWAY, { kubeVersion: "1.24.0" })).rejects.toThrow(">=1.25.0");
});

test.each([
  ["sidecar", SIDECAR],
  ["gateway", GATEWAY],
  ["nothing set", {}],
])("should pass helm lint --strict with the values of a %s", async (_, values) => {
  const args = ["lint", "--strict", CHART, "--kube-version", "1.34.0", "--values", "-"];
  expect(await helm(args, JSON.stringify(values))).toMatchObject({ code: 0 });
});

test("should have the version of the program", async () => {
  const chart = Bun.YAML.parse(await Bun.file(`${CHART}/Chart.yaml`).text());
  expect(chart).toMatchObject({ name: "sidepost", version, appVersion: version });
});
