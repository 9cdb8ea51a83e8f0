import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { envOf, only, podSpec, sidepost, testPod } from "./pods.ts";
import { GATEWAY, SIDECAR } from "./values.ts";

const kinds = async (values: object) => (await render(values)).map(({ kind }) => kind);

test("should post one event through a sidepost of its own beside an application's", async () => {
  const manifests = await render({ ...SIDECAR, env: { EVENT_TYPES: "refund=payment_refunded" } });
  expect(only(manifests, "Pod").metadata).toMatchObject({ annotations: { "helm.sh/hook": "test" } });
  const pod = testPod(manifests);
  expect(pod.restartPolicy).toBe("Never");
  expect(envOf(sidepost(pod))).toEqual({
    ...envOf(sidepost(podSpec(manifests))),
    EVENT_TYPES: "refund=payment_refunded,helm-test=helm_test",
  });
  expect(pod.containers).toMatchObject([
    {
      name: "post",
      image: "sidepost:0.1.0",
      args: ["post", "helm-test", '{"release": "shop"}'],
      env: [{ name: "SERVER_ADDRESS", value: "127.0.0.1:8080" }],
    },
  ]);
});

test("should leave the application's own Pod without the test's event", async () => {
  expect(envOf(sidepost(podSpec(await render(SIDECAR))))).not.toHaveProperty("EVENT_TYPES");
});

test("should post one event through a gateway's Service, which knows the test's event", async () => {
  const manifests = await render({ ...GATEWAY, gateway: { service: { port: 80 } } });
  const pod = testPod(manifests);
  expect(pod.initContainers).toEqual([]);
  expect(pod.containers).toMatchObject([
    { env: [{ name: "SERVER_ADDRESS", value: "$(SHOP_SIDEPOST_SERVICE_HOST):80" }] },
  ]);
  expect(envOf(sidepost(podSpec(manifests)))).toMatchObject({ EVENT_TYPES: "helm-test=helm_test" });
});

test("should find the Unix socket", async () => {
  const pod = testPod(await render({ ...SIDECAR, socket: { enabled: true } }));
  expect(pod.containers).toMatchObject([
    {
      env: [{ name: "SERVER_ADDRESS", value: "unix:/run/sidepost/data.sock" }],
      volumeMounts: [{ name: "sidepost-socket", mountPath: "/run/sidepost" }],
    },
  ]);
});

test("should leave an event called helm-test as it is", async () => {
  const manifests = await render({ ...GATEWAY, env: { EVENT_TYPES: "helm-test=mine@tests" } });
  expect(envOf(sidepost(podSpec(manifests)))).toMatchObject({ EVENT_TYPES: "helm-test=mine@tests" });
});

test("should not test where that is off, where the Pod would not end, and where nothing runs", async () => {
  expect(await kinds({ ...SIDECAR, test: { enabled: false } })).not.toContain("Pod");
  expect(await kinds({ ...SIDECAR, nativeSidecar: false })).not.toContain("Pod");
  expect(await kinds({ ...GATEWAY, mode: "container" })).toEqual([]);
  const off = await render({ ...GATEWAY, test: { enabled: false } });
  expect(envOf(sidepost(podSpec(off)))).not.toHaveProperty("EVENT_TYPES");
});
