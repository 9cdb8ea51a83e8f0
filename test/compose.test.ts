import { expect, test } from "bun:test";
import * as v from "valibot";

import { loadConfig } from "../src/config/load.ts";
import { FIELDS } from "../src/config/schema.ts";
import { duration } from "../src/config/units.ts";
import { checkProperty } from "../src/infrastructure/kafka/core.ts";
import { scripts } from "../package.json";

const read = (name: string): Promise<string> => Bun.file(new URL(`../${name}`, import.meta.url)).text();

const Service = v.object({
  image: v.string(),
  build: v.optional(v.string()),
  environment: v.optional(v.record(v.string(), v.union([v.string(), v.number()])), {}),
  ports: v.optional(v.array(v.string()), []),
  network_mode: v.optional(v.string()),
  command: v.optional(v.array(v.string()), []),
  healthcheck: v.optional(v.object({ test: v.array(v.string()) })),
  stop_grace_period: v.optional(v.string()),
  read_only: v.optional(v.boolean()),
  cap_drop: v.optional(v.array(v.string())),
  security_opt: v.optional(v.array(v.string())),
  depends_on: v.optional(v.record(v.string(), v.object({ condition: v.string() })), {}),
});
const Compose = v.object({
  services: v.strictObject({ kafka: Service, "producer-service": Service, app: Service }),
});

const { services } = v.parse(Compose, Bun.YAML.parse(await read("compose.yaml")));
const { kafka, "producer-service": producer, app } = services;
const [dockerfile, quickStart] = await Promise.all([read("Dockerfile"), read("docs/quick-start.md")]);

const environment = Object.fromEntries(
  Object.entries(producer.environment).map(([name, value]) => [name, String(value)]),
);
const loaded = loadConfig(environment, { readFile: (path) => path, checkProperty });
if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
const { config, warnings } = loaded;

test("compose builds the image that docker:build builds, and takes Kafka of a fixed version", () => {
  expect(producer.build).toBe(".");
  expect(scripts["docker:build"]).toBe(`docker build --tag ${producer.image} .`);
  expect(kafka.image).toMatch(/^docker\.io\/apache\/kafka:\d+\.\d+\.\d+$/);
});

test("each variable of compose is one that sidepost knows", () => {
  const known = new Set(FIELDS.map(({ name }) => name));
  expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
  expect(warnings).toEqual([]);
});

test("sidepost of compose asks Kafka where Kafka says it listens", () => {
  expect(kafka.environment["KAFKA_ADVERTISED_LISTENERS"]).toBe(`PLAINTEXT://${config.kafka.brokers}`);
  expect(config.kafka.brokers).toBe("kafka:9092");
});

test("compose opens both ports that the README names, on this machine alone", () => {
  expect(config.server.address).toMatchObject({ port: 8080 });
  expect(config.metrics.address).toMatchObject({ port: 9090 });
  expect(producer.ports).toEqual(["127.0.0.1:8080:8080", "127.0.0.1:9090:9090"]);
});

test("compose checks the health as the image does, and each service waits for one that is checked", () => {
  const [, image = ""] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile) ?? [];
  expect(producer.healthcheck?.test).toEqual(["CMD", ...JSON.parse(image)]);
  expect(kafka.healthcheck?.test.at(-1)).toContain(config.kafka.brokers.replace(":", "/"));
  expect(producer.depends_on).toEqual({ kafka: { condition: "service_healthy" } });
  expect(app.depends_on).toEqual({ "producer-service": { condition: "service_healthy" } });
});

test("compose leaves sidepost the time of its drain, and runs it as hardened as the quick start does", () => {
  const grace = duration("0", "24h", "35s").parse(producer.stop_grace_period ?? "");
  expect("value" in grace && grace.value).toBeGreaterThan(config.server.shutdownTimeout);
  expect(producer.read_only).toBeTrue();
  expect(quickStart).toContain("docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges");
  expect(producer.cap_drop).toEqual(["ALL"]);
  expect(producer.security_opt).toEqual(["no-new-privileges:true"]);
});

test("the application of compose posts on localhost to an event that there is", () => {
  expect(app.network_mode).toBe("service:producer-service");
  const script = app.command.join(" ");
  const [, name] = /http:\/\/localhost:8080\/api\/v1\/events\/(\w+)/.exec(script) ?? [];
  expect(config.events.types.map((type) => type.name)).toContain(name!);
});

test("what the quick start says of compose is what compose has", () => {
  for (const name of Object.keys(services)) expect(quickStart).toContain(`(\`${name}\`)`);
  const used = [...quickStart.matchAll(/docker compose (?:exec|logs -f) (\S+)/g)].map(([, name]) => name);
  expect(used).toEqual(["producer-service", "kafka"]);
  const consumer = `--bootstrap-server ${config.kafka.brokers} --topic ${config.kafka.topic} `;
  expect(quickStart).toContain(consumer);
  expect(scripts["compose:up"]).toBe("docker compose up --build");
});
