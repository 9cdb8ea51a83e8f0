import * as v from "valibot";
import type { Manifest } from "../helpers/helm.ts";

const Container = v.looseObject({
  name: v.string(),
  image: v.string(),
  restartPolicy: v.optional(v.string()),
  env: v.optional(v.array(v.looseObject({ name: v.string(), value: v.optional(v.string()) })), []),
  ports: v.optional(v.array(v.looseObject({ name: v.optional(v.string()), containerPort: v.number() })), []),
  startupProbe: v.optional(v.unknown()),
  livenessProbe: v.optional(v.unknown()),
  readinessProbe: v.optional(v.unknown()),
  lifecycle: v.optional(v.unknown()),
  resources: v.optional(v.unknown()),
  securityContext: v.optional(v.record(v.string(), v.unknown()), {}),
  volumeMounts: v.optional(v.array(v.looseObject({ name: v.string(), mountPath: v.string() })), []),
});
export type Container = v.InferOutput<typeof Container>;

const PodSpec = v.looseObject({
  restartPolicy: v.optional(v.string()),
  terminationGracePeriodSeconds: v.optional(v.number()),
  automountServiceAccountToken: v.optional(v.boolean()),
  securityContext: v.optional(v.record(v.string(), v.unknown()), {}),
  initContainers: v.optional(v.array(Container), []),
  containers: v.array(Container),
  // As a template leaves them that has none.
  volumes: v.nullish(v.array(v.looseObject({ name: v.string() })), []),
});
export type PodSpec = v.InferOutput<typeof PodSpec>;

const PodTemplate = v.looseObject({
  metadata: v.looseObject({
    labels: v.record(v.string(), v.string()),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
  spec: PodSpec,
});

const Workload = v.object({ spec: v.looseObject({ template: PodTemplate }) });
const CronJob = v.object({ spec: v.object({ jobTemplate: Workload }) });
const Pod = v.object({ spec: PodSpec });

const KINDS = new Set(["Deployment", "StatefulSet", "Job", "CronJob"]);

/** The one manifest of this kind. Throws where there is none, or more. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...others] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || others.length > 0)
    throw new Error(`expected one ${kind}, not ${others.length + (found ? 1 : 0)}`);
  return found;
}

/** The Pod template of the one workload. */
export function podTemplate(manifests: readonly Manifest[]) {
  const workload = manifests.find(({ kind }) => KINDS.has(kind));
  if (workload === undefined) throw new Error("there is no workload");
  const { spec } =
    workload.kind === "CronJob" ? v.parse(CronJob, workload).spec.jobTemplate : v.parse(Workload, workload);
  return spec.template;
}

export const podSpec = (manifests: readonly Manifest[]): PodSpec => podTemplate(manifests).spec;

/** The Pod of `helm test`. */
export const testPod = (manifests: readonly Manifest[]): PodSpec => v.parse(Pod, only(manifests, "Pod")).spec;

/** sidepost's container, wherever in the Pod it is. */
export function sidepost({ initContainers, containers }: PodSpec): Container {
  const found = [...initContainers, ...containers].find(({ name }) => name === "sidepost");
  if (found === undefined) throw new Error("the Pod has no container called sidepost");
  return found;
}

export const envOf = ({ env }: Container): Record<string, string | undefined> =>
  Object.fromEntries(env.map(({ name, value }) => [name, value]));
