import { expect, test } from "bun:test";
import { render } from "../helpers/helm.ts";
import { envOf, podSpec, sidepost, testPod } from "./pods.ts";
import { SIDECAR } from "./values.ts";

const withKafka = (kafka: object) => render({ ...SIDECAR, kafka: { ...SIDECAR.kafka, ...kafka } });

/** The variables of librdkafka that a Pod gets. */
const properties = async (kafka: object) =>
  Object.fromEntries(
    Object.entries(envOf(sidepost(podSpec(await withKafka(kafka))))).filter(([name]) =>
      name.startsWith("RDKAFKA_"),
    ),
  );

test("should speak plain text without further words", async () => {
  expect(await properties({})).toEqual({});
});

test("should mount the Secret as files for sidepost alone, and name them in variables", async () => {
  const kafka = {
    existingSecret: "kafka-user",
    tls: { enabled: true, ca: "ca.crt", certificate: "user.crt", key: "user.key" },
    sasl: { mechanism: "SCRAM-SHA-512", password: "user.password" },
  };
  expect(await properties(kafka)).toEqual({
    RDKAFKA_SECURITY_PROTOCOL: "sasl_ssl",
    RDKAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    RDKAFKA_SASL_USERNAME_FILE: "/run/secrets/sidepost/username",
    RDKAFKA_SASL_PASSWORD_FILE: "/run/secrets/sidepost/user.password",
    RDKAFKA_SSL_CA_LOCATION: "/run/secrets/sidepost/ca.crt",
    RDKAFKA_SSL_CERTIFICATE_LOCATION: "/run/secrets/sidepost/user.crt",
    RDKAFKA_SSL_KEY_LOCATION: "/run/secrets/sidepost/user.key",
  });
  const manifests = await withKafka(kafka);
  for (const pod of [podSpec(manifests), testPod(manifests)]) {
    expect(pod.volumes).toEqual([{ name: "sidepost-kafka", secret: { secretName: "kafka-user" } }] as never);
    expect(sidepost(pod).volumeMounts).toEqual([
      { name: "sidepost-kafka", mountPath: "/run/secrets/sidepost", readOnly: true },
    ] as never);
    expect(pod.containers.flatMap(({ volumeMounts }) => volumeMounts)).toEqual([]);
  }
});

test.each([
  ["TLS alone", { tls: { enabled: true } }, "ssl"],
  ["SASL alone", { existingSecret: "k", sasl: { mechanism: "PLAIN" } }, "sasl_plaintext"],
])("should name the protocol of %s", async (_, kafka, protocol) => {
  expect(await properties(kafka)).toMatchObject({ RDKAFKA_SECURITY_PROTOCOL: protocol });
});

test.each([
  ["no brokers", { brokers: "" }, "kafka.brokers is missing"],
  ["SASL without a Secret", { sasl: { mechanism: "PLAIN" } }, "kafka.existingSecret is missing"],
  ["a CA without a Secret", { tls: { enabled: true, ca: "ca.crt" } }, "kafka.existingSecret is missing"],
  ["a CA without TLS", { existingSecret: "k", tls: { ca: "ca.crt" } }, "kafka.tls.enabled is false"],
  [
    "a certificate without its key",
    { existingSecret: "k", tls: { enabled: true, certificate: "user.crt" } },
    "kafka.tls.certificate and kafka.tls.key belong together",
  ],
])("should refuse %s", async (_, kafka, message) => {
  await expect(withKafka(kafka)).rejects.toThrow(message);
});
