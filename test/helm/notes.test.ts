import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { CHART, render } from "../helpers/helm.ts";
import { GATEWAY, SIDECAR, WORKLOADS } from "./values.ts";

// helm shows the notes only where it installs: here a manifest has them.
const chart = mkdtempSync(join(tmpdir(), "sidepost-notes-"));
cpSync(CHART, chart, { recursive: true });
afterAll(() => rmSync(chart, { recursive: true }));
const text = await Bun.file(join(CHART, "templates/NOTES.txt")).text();
await Bun.write(
  join(chart, "templates/notes.yaml"),
  `{{- define "notes" -}}${text}{{- end -}}\napiVersion: v1\nkind: Notes\nmetadata: { name: notes }\ntext: {{ include "notes" . | toJson }}\n`,
);

const Notes = v.object({ kind: v.literal("Notes"), text: v.string() });
const notes = async (values: object): Promise<string> => {
  const manifests = await render(values, { chart });
  return v.parse(
    Notes,
    manifests.find(({ kind }) => kind === "Notes"),
  ).text;
};

test("should say how to post from the application, and how to look", async () => {
  const said = await notes({ ...SIDECAR, env: { SERVER_ADDRESS: "127.0.0.1:8081" } });
  expect(said).toContain("curl http://127.0.0.1:8081/api/v1/events/user");
  expect(said).toContain(
    "kubectl -n team logs -l app.kubernetes.io/name=sidepost,app.kubernetes.io/instance=shop -c sidepost",
  );
  expect(said).toContain("kubectl -n team port-forward deployment/shop-sidepost 9090:9090");
  expect(said).toContain("helm -n team test shop --logs");
});

test("should say how to post through a socket", async () => {
  expect(await notes({ ...SIDECAR, socket: { enabled: true } })).toContain(
    "curl --unix-socket /run/sidepost/data.sock http://localhost/api/v1/events/user",
  );
});

test("should say how to post to a gateway", async () => {
  expect(await notes(GATEWAY)).toContain("curl http://shop-sidepost.team:8080/api/v1/events/user");
});

test("should say what another chart has to write", async () => {
  const said = await notes({ ...GATEWAY, mode: "container" });
  expect(said).toContain('{{- include "sidepost.container" (index .Subcharts "sidepost") | nindent 8 }}');
  expect(said).not.toContain("kubectl");
});

test.each<[string, object, string]>([
  ["the embedded broker", { ...SIDECAR, kafka: { brokers: "embedded" } }, '- kafka.brokers is "embedded"'],
  ["a missing APP_NAME", SIDECAR, "- env.APP_NAME is missing"],
  ["a spool that is off", SIDECAR, '- spool.mode is "off"'],
  [
    "a spool that ends with the Pod",
    { ...SIDECAR, spool: { mode: "always" } },
    '- spool.volume is "emptyDir"',
  ],
  [
    "an ordinary container",
    { ...SIDECAR, nativeSidecar: false },
    "- nativeSidecar is false: your container may start before",
  ],
  [
    "a Job that must say when it ends",
    { ...WORKLOADS["a Job"], nativeSidecar: false },
    "POST http://127.0.0.1:9090/quitquitquit",
  ],
  [
    "memory that is too small",
    { ...SIDECAR, resources: { limits: { memory: "64Mi" } } },
    "- resources.limits.memory is 64Mi: sidepost may be killed when Kafka is down. It should be 70Mi or more.",
  ],
  [
    "memory that is too small for a spool",
    { ...SIDECAR, spool: { mode: "always" }, resources: { limits: { memory: "100Mi" } } },
    "It should be 110Mi or more.",
  ],
  ["an open gateway", { ...GATEWAY, networkPolicy: { enabled: false } }, "- networkPolicy.enabled is false"],
])("should advise on %s", async (_, values, line) => {
  expect(await notes(values)).toContain(line);
});

test("should ask for the Jobs of a Job, whose Pods come and go", async () => {
  const said = await notes(WORKLOADS["a Job"]!);
  expect(said).toContain("kubectl -n team get jobs -l");
  expect(said).not.toContain("port-forward");
});

test("should have no advice where there is none to give", async () => {
  const values = { ...SIDECAR, env: { APP_NAME: "shop" }, spool: { mode: "always", volume: "pvc" } };
  expect(await notes(values)).not.toContain("Look at this");
});
