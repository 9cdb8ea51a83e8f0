import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { SIDECAR } from "./values.ts";

// What one value says of another, which a schema cannot know.

test.each([
  ["KAFKA_BROKER_LIST", "kafka:9092", "kafka.brokers"],
  ["SPOOL_MODE", "always", "spool.mode"],
  ["SPOOL_DIR", "/data", "spool.volume"],
  ["SPOOL_MAX_BYTES", "1GiB", "spool.maxBytes"],
  ["METRICS_ENABLED", false, "metrics.enabled"],
])("should say which value stands for %s", async (name, value, instead) => {
  await expect(render({ ...SIDECAR, env: { [name]: value } })).rejects.toThrow(
    `env.${name} has a value of its own: set ${instead} instead`,
  );
});

test.each<[string, object, string]>([
  [
    "an application on the data port",
    { app: { image: "a", ports: [{ containerPort: 8080 }] } },
    "app.ports: 8080 is sidepost's own; set env.SERVER_ADDRESS to another port",
  ],
  [
    "an application on the admin port",
    { app: { image: "a", ports: [{ containerPort: 9090 }] } },
    "app.ports: 9090 is sidepost's own; set env.METRICS_PORT to another port",
  ],
  [
    "an admin port that the kubelet cannot reach",
    { env: { METRICS_PORT: "127.0.0.1:9090" } },
    "127.0.0.1:9090 is out of the kubelet's reach",
  ],
  [
    "a port that only a file knows",
    { env: { METRICS_PORT_FILE: "/port" } },
    "it must be in env.METRICS_PORT",
  ],
  [
    "a socket without a volume",
    { env: { SERVER_ADDRESS: "unix:/run/a.sock" } },
    "set socket.enabled: true instead",
  ],
  [
    "a socket and a port",
    { socket: { enabled: true }, env: { SERVER_ADDRESS: "127.0.0.1:8081" } },
    "env.SERVER_ADDRESS: 127.0.0.1:8081, and socket.enabled is true; set one of them",
  ],
  ["no application", { app: {} }, "app.image is missing"],
  [
    "an application of its name",
    { app: { image: "a", name: "sidepost" } },
    "app.name: sidepost is the name of",
  ],
  [
    "replicas of a Job",
    { kind: "Job", replicas: 2 },
    "replicas: 2 is for a Deployment or a StatefulSet; a Job has job.parallelism",
  ],
  ["an application in a gateway", { mode: "gateway" }, "app is for mode: sidecar, and this is mode: gateway"],
])("should refuse %s, and say what to do", async (_, wrong, message) => {
  await expect(render({ ...SIDECAR, ...wrong })).rejects.toThrow(message);
});
