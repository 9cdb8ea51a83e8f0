import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { envOf, podSpec, sidepost } from "./pods.ts";
import { eachWorkload, GATEWAY, SIDECAR } from "./values.ts";

const grace = async (values: object) => podSpec(await render(values)).terminationGracePeriodSeconds;

test.each(eachWorkload)(
  "should give %s the time that the application, the drain and the process need",
  async (name, values) => {
    const pod = podSpec(await render(values));
    expect(envOf(sidepost(pod))).toMatchObject({ SERVER_SHUTDOWN_TIMEOUT: "30s" });
    expect(pod.terminationGracePeriodSeconds).toBe((name.includes("gateway") ? 5 : 30) + 30 + 5);
  },
);

test.each([
  ["1500ms", 30 + 2 + 5],
  ["2m", 30 + 120 + 5],
  ["1h", 30 + 3600 + 5],
  ["0", 30 + 0 + 5],
])("should understand a SERVER_SHUTDOWN_TIMEOUT of %s", async (timeout, seconds) => {
  expect(await grace({ ...SIDECAR, env: { SERVER_SHUTDOWN_TIMEOUT: timeout } })).toBe(seconds);
});

test("should add the time that the application says it needs", async () => {
  expect(await grace({ ...SIDECAR, appStopSeconds: 0 })).toBe(35);
  expect(await grace({ ...SIDECAR, appStopSeconds: 100 })).toBe(135);
  expect(await grace({ ...GATEWAY, gateway: { preStopSeconds: 10 } })).toBe(45);
});

test("should take a longer grace period, and refuse one that is too short", async () => {
  expect(await grace({ ...SIDECAR, terminationGracePeriodSeconds: 65 })).toBe(65);
  expect(await grace({ ...SIDECAR, terminationGracePeriodSeconds: 300 })).toBe(300);
  await expect(grace({ ...SIDECAR, terminationGracePeriodSeconds: 64 })).rejects.toThrow(
    "terminationGracePeriodSeconds: 64 is too short; expected 65 or more: appStopSeconds 30, SERVER_SHUTDOWN_TIMEOUT and 5 seconds",
  );
  await expect(grace({ ...GATEWAY, terminationGracePeriodSeconds: 30 })).rejects.toThrow(
    "gateway.preStopSeconds 5",
  );
});
