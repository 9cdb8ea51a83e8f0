import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { consume } from "../helpers/consume.ts";
import { CHART } from "../helpers/helm.ts";
import { poster, valuesFor } from "./values.ts";
import { createPlace, type Place } from "./world.ts";

setDefaultTimeout(240_000);

const SPOOL = { mode: "always", volume: "pvc" };
const MONITORING = {
  metrics: { podMonitor: { enabled: true } },
  dashboard: { enabled: true },
  alerts: { enabled: true },
};
/** Every kind of Pod that the chart makes, and everything beside it. */
const FORMS: Record<string, object> = {
  "a Deployment": { ...MONITORING, networkPolicy: { enabled: true } },
  "a Deployment with its spool on a claim": { spool: SPOOL },
  "a Deployment with a socket, a secret and another user": {
    socket: { enabled: true },
    kafka: { brokers: "kafka:9092", existingSecret: "kafka-user", sasl: { mechanism: "PLAIN" } },
    securityContext: { runAsUser: 1000 },
  },
  "an ordinary container": { nativeSidecar: false },
  "a StatefulSet": { kind: "StatefulSet", spool: SPOOL },
  "a Job": { kind: "Job", spool: { mode: "overflow" } },
  "a CronJob": { kind: "CronJob" },
  "a gateway": { mode: "gateway", app: {}, ...MONITORING },
  "a gateway of a StatefulSet": {
    mode: "gateway",
    app: {},
    kind: "StatefulSet",
    gateway: { hpa: { enabled: false } },
    spool: SPOOL,
  },
};

test("the API server takes all that the chart makes, and all Pods keep to the restricted Pod Security Standard", async () => {
  await using place = await createPlace("chart");
  for (const [form, values] of Object.entries(FORMS)) {
    const manifests = await place.helm(
      ["template", "app", CHART, "--validate", "--values=-"],
      valuesFor(place, { ...("mode" in values ? {} : { app: poster({}) }), ...values }),
    );
    expect(await warnings(place, "-", manifests), form).toEqual([]);
  }
  expect(await warnings(place, join(CHART, "../k8s"))).toEqual([]);
});

test.each(["sidecar", "gateway"] as const)("helm test passes: an event comes through a %s", async (mode) => {
  await using place = await createPlace(`test-${mode}`);
  const values = valuesFor(place, { mode, app: mode === "sidecar" ? poster({ RATE: 1 }) : {} });
  await place.helm(["install", "app", CHART, "--wait", "--timeout=2m", "--values=-"], values);
  await place.helm(["test", "app", "--timeout=90s"]);
  const records = await consume(place.kafka, place.name);
  const types = records.map(({ value }) => JSON.parse(String(value)).type);
  expect(types).toContain("helm_test");
});

/** Kubernetes 1.34 warns of a default of its own, in every headless Service. */
const OF_ITSELF = "Warning: spec.SessionAffinity is ignored for headless services";

/** What the API server has against manifests: of a Pod that it would not let in it warns. */
async function warnings(place: Place, file: string, input?: string): Promise<string[]> {
  const all = await place.warnings(["apply", "--dry-run=server", "-f", file], input);
  return all.filter((warning) => warning !== OF_ITSELF);
}
