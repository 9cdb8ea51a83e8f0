import { expect, test } from "bun:test";
import * as v from "valibot";
import { CHART, render } from "../helpers/helm.ts";
import { GATEWAY, SIDECAR } from "./values.ts";

const Node: v.GenericSchema<Node> = v.looseObject({
  $ref: v.optional(v.string()),
  type: v.optional(v.union([v.string(), v.array(v.string())])),
  properties: v.optional(
    v.record(
      v.string(),
      v.lazy(() => Node),
    ),
  ),
  additionalProperties: v.optional(v.unknown()),
  $defs: v.optional(
    v.record(
      v.string(),
      v.lazy(() => Node),
    ),
  ),
});
type Node = {
  $ref?: string | undefined;
  type?: string | string[] | undefined;
  properties?: Record<string, Node> | undefined;
  additionalProperties?: unknown;
  $defs?: Record<string, Node> | undefined;
};

const schema = v.parse(Node, await Bun.file(`${CHART}/values.schema.json`).json());
const values: unknown = Bun.YAML.parse(await Bun.file(`${CHART}/values.yaml`).text());

const resolve = (node: Node): Node => schema.$defs?.[node.$ref?.replace("#/$defs/", "") ?? ""] ?? node;

/** Paths of all properties that have none below them; `app` and `env` are maps of the user's. */
function leaves(node: Node, path: string): string[] {
  const { properties = {} } = ["app", "env"].includes(path) ? {} : resolve(node);
  const below = Object.entries(properties).flatMap(([name, child]) =>
    leaves(child, `${path}.${name}`.replace(/^\./, "")),
  );
  return below.length > 0 ? below : [path];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function has(value: unknown, [first, ...rest]: string[]): boolean {
  if (first === undefined) return true;
  return isObject(value) && first in value && has(value[first], rest);
}

test("should have a default for every value that the schema knows", () => {
  // Helm sets the first, a chart that depends on this one the second; the others are as Kubernetes has them.
  const without = /^(global|enabled|strategy|resources)\b/;
  const missing = leaves(schema, "").filter((path) => !has(values, path.split(".")));
  expect(missing.filter((path) => !without.test(path))).toEqual([]);
});

test("should refuse names that it does not know, wherever it names some", () => {
  const open = (node: Node, path: string): string[] => [
    ...(node.properties !== undefined && node.additionalProperties !== false ? [path] : []),
    ...Object.entries({ ...node.properties, ...node.$defs }).flatMap(([name, child]) =>
      open(child, `${path}/${name}`),
    ),
  ];
  expect(open(schema, "")).toEqual([]);
});

test.each<[string, object, string]>([
  [
    "a wrong value of a variable",
    { env: { SERVER_READ_TIMEOUT: "banana" } },
    "at '/env/SERVER_READ_TIMEOUT': 'banana' does not match",
  ],
  [
    "a variable that is none",
    { env: { SERVER_REED_TIMEOUT: "3s" } },
    "at '/env': additional properties 'SERVER_REED_TIMEOUT' not allowed",
  ],
  [
    "a number that is too small",
    { env: { KAFKA_MAX_RETRIES: 0 } },
    "at '/env/KAFKA_MAX_RETRIES': minimum: got 0, want 1",
  ],
  [
    "a word that is none of those allowed",
    { env: { EVENTS_ACK: "maybe" } },
    "at '/env/EVENTS_ACK': value must be one of 'delivered', 'accepted'",
  ],
  [
    "a file that has no path",
    { env: { APP_NAME_FILE: "name" } },
    "at '/env/APP_NAME_FILE': 'name' does not match",
  ],
  [
    "brokers without a port",
    { kafka: { brokers: "kafka-0" } },
    "at '/kafka/brokers': 'kafka-0' does not match",
  ],
  [
    "an unknown value",
    { kafka: { broker: "kafka-0:9092" } },
    "at '/kafka': additional properties 'broker' not allowed",
  ],
  [
    "an unknown mode",
    { mode: "daemon" },
    "at '/mode': value must be one of 'sidecar', 'gateway', 'container'",
  ],
  [
    "an unknown field of the container",
    { app: { image: "a", comand: [] } },
    "at '/app': additional properties 'comand' not allowed",
  ],
])("should refuse %s, and say where", async (_, wrong, message) => {
  await expect(render({ ...SIDECAR, ...wrong })).rejects.toThrow(message);
});

test("should take what is right", async () => {
  const env = {
    EVENT_TYPES: "refund=payment_refunded@payments, login=user_logged_in",
    CORS_ORIGINS: "https://app.example.com",
    ADMISSION_MAX_BYTES: "64MiB",
    APP_NAME_FILE: "/etc/podinfo/name",
    LOG_SAMPLE: 0,
    RDKAFKA_LINGER_MS: 5,
  };
  await expect(render({ ...GATEWAY, env, kafka: { brokers: "embedded" } })).resolves.toBeArray();
});
