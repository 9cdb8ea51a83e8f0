import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { type Container, podSpec, type PodSpec, sidepost, testPod } from "./pods.ts";
import { eachWorkload, GATEWAY, SIDECAR } from "./values.ts";

const allPods = async (values: object): Promise<PodSpec[]> => {
  const manifests = await render({
    ...values,
    spool: { mode: "always" },
    kafka: { ...SIDECAR.kafka, existingSecret: "k" },
  });
  return [podSpec(manifests), testPod(manifests)];
};

/** What the Pod has of what the restricted Pod Security Standard forbids; https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
function violations({ initContainers, containers, volumes, securityContext, ...pod }: PodSpec): string[] {
  const ofContainer = ({ name, ...container }: Container) => {
    const own = container.securityContext;
    const effective = { ...securityContext, ...own };
    const rules: [string, boolean][] = [
      ["allowPrivilegeEscalation", own["allowPrivilegeEscalation"] === false],
      ["capabilities", Bun.deepEquals(own["capabilities"], { drop: ["ALL"] })],
      ["runAsNonRoot", effective["runAsNonRoot"] === true],
      ["runAsUser", effective["runAsUser"] !== 0],
      ["seccompProfile", Bun.deepEquals(effective["seccompProfile"], { type: "RuntimeDefault" })],
      ["privileged", own["privileged"] !== true],
      ["hostPort", container.ports.every((port) => !("hostPort" in port))],
    ];
    return rules.filter(([, kept]) => !kept).map(([rule]) => `${name}: ${rule}`);
  };
  const allowed = [
    "emptyDir",
    "secret",
    "configMap",
    "persistentVolumeClaim",
    "projected",
    "downwardAPI",
    "csi",
    "ephemeral",
  ];
  return [
    ...[...initContainers, ...containers].flatMap(ofContainer),
    ...["hostNetwork", "hostPID", "hostIPC"].filter((name) => name in pod),
    ...volumes
      .filter((volume) => !allowed.some((type) => type in volume))
      .map(({ name }) => `volume ${name}`),
  ];
}

test.each(eachWorkload)(
  "should pass the restricted Pod Security Standard with %s and its test",
  async (_, values) => {
    for (const pod of await allPods(values)) expect(violations(pod)).toEqual([]);
  },
);

test("should see what is against the standard", async () => {
  const app = {
    image: "shop:1",
    securityContext: { privileged: true, runAsNonRoot: false, capabilities: { add: ["NET_RAW"] } },
  };
  const volumes = [{ name: "host", hostPath: { path: "/" } }];
  expect(violations(podSpec(await render({ ...SIDECAR, app, volumes })))).toEqual([
    "app: capabilities",
    "app: runAsNonRoot",
    "app: privileged",
    "volume host",
  ]);
});

test.each(eachWorkload)("should give %s no token, a read-only root and limits", async (_, values) => {
  for (const pod of await allPods(values)) {
    expect(pod.automountServiceAccountToken).toBeFalse();
    for (const container of [...pod.initContainers, ...pod.containers].filter(({ name }) => name !== "app")) {
      expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, runAsUser: 65532 });
      expect(container.resources).toEqual({
        requests: { cpu: "100m", memory: "128Mi" },
        limits: { cpu: "1", memory: "256Mi" },
      });
    }
  }
});

test("should unpack the core into a volume where the user is another one", async () => {
  const container = async (values: object) => sidepost(podSpec(await render({ ...GATEWAY, ...values })));
  expect((await container({})).volumeMounts).toEqual([]);
  for (const runAsUser of [1000, null])
    expect((await container({ securityContext: { runAsUser } })).volumeMounts).toEqual([
      { name: "sidepost-tmp", mountPath: "/tmp" },
    ]);
});

test("should give the Pod the service account, its token and where to run, when told so", async () => {
  const wanted = {
    imagePullSecrets: [{ name: "registry" }],
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "a", operator: "Exists" }],
    affinity: { podAntiAffinity: {} },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }],
    priorityClassName: "high",
  };
  const pod = podSpec(
    await render({ ...SIDECAR, ...wanted, serviceAccount: { name: "shop", automountToken: true } }),
  );
  expect(pod).toMatchObject({ ...wanted, serviceAccountName: "shop", automountServiceAccountToken: true });
});
