import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dirname } from "node:path";

import { ensurePackages } from "../../src/native/packages.ts";
import { run } from "../../src/native/toolchain.ts";
import { TEST_NEEDS } from "../helpers/needs.ts";
import { startSidepost } from "../helpers/process.ts";
import { startTokenEndpoint, unsecuredToken } from "../helpers/token-endpoint.ts";
import { waitUntil } from "../helpers/wait.ts";
import { startKerberosKafka } from "../native/kerberos-kafka.ts";
import { buildImage, type Image } from "./image.ts";

// Building takes minutes, so `bun run test` leaves this folder out and `bun run test:docker` runs it.
const BUILD_MS = 15 * 60_000;
const EMBEDDED = { KAFKA_BROKER_LIST: "embedded" };

describe("the image", () => {
  let image: Image | undefined;
  beforeAll(async () => {
    image = await buildImage(process.env["SIDEPOST_BASE_IMAGE_SCRIPT"]);
    const archive = process.env["SIDEPOST_TEST_IMAGE"]; // For test/cluster.
    if (archive !== undefined) await image.save(archive);
  }, BUILD_MS);
  afterAll(() => image?.[Symbol.asyncDispose](), BUILD_MS);

  test("it says how it is run: a user by number that is not root, ports, signal and health check", () => {
    expect(image?.config).toMatchObject({
      User: "65532:65532",
      Entrypoint: ["/usr/local/bin/sidepost"],
      ExposedPorts: { "8080/tcp": {}, "9090/tcp": {} },
      StopSignal: "SIGTERM",
      Healthcheck: { Test: ["CMD", "/usr/local/bin/sidepost", "ready"] },
      Labels: {
        "org.opencontainers.image.title": "sidepost",
        "org.opencontainers.image.licenses": "MIT",
      },
    });
  });

  test("it is smaller than 160 MB, and has no shell and no package manager in it", () => {
    const { files } = image!;
    expect(files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeWithin(100e6, 160e6);
    const programs = files.map(({ path }) => path).filter((path) => /(^|\/)s?bin\/./.test(path));
    expect(programs).toEqual(["usr/local/bin/sidepost"]);
  });

  test("scanners find the Debian packages that its files are of", () => {
    const paths = image!.files.map(({ path }) => path);
    for (const name of ["base-files", "ca-certificates", "libc6", "libcurl4", "libsasl2-2", "libssl3"])
      expect(paths).toContain(`var/lib/dpkg/status.d/${name}`);
  });

  test("on a read-only filesystem it takes an event, calls itself ready, and drains on SIGTERM", async () => {
    await using sidepost = await startSidepost({ command: image!.command(), env: EMBEDDED });
    const answer = await fetch(`${sidepost.url}/api/v1/events/user`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"data": {"user_id": "123"}}',
    });
    expect(answer.status).toBe(201);
    expect(await healthCheck(image!, new URL(sidepost.adminUrl!).host)).toBe(0);

    sidepost.kill("SIGTERM");
    expect(await sidepost.exited).toBe(0);
    expect(sidepost.log.at(-1)).toMatchObject({ msg: "Drained", published: 1, lost: 0 });
  }, 60_000);

  test("with a spool and no volume for it, it says so and takes what needs none", async () => {
    const env = { ...EMBEDDED, SPOOL_MODE: "always" };
    await using sidepost = await startSidepost({ command: image!.command(), env });
    const post = async (headers: Record<string, string>) => {
      const url = `${sidepost.url}/api/v1/events/user`;
      return (await fetch(url, { method: "POST", headers, body: '{"data": 1}' })).status;
    };
    expect(await post({ prefer: "respond-async" })).toBe(503);
    expect(await post({})).toBe(201);
    await sidepost.waitForLog(({ msg, detail }) => msg === "Spool not open" && /spool/.test(String(detail)));
  }, 60_000);

  test("its health check fails where nothing answers", async () => {
    expect(await healthCheck(image!, "127.0.0.1:1")).toBe(1);
  });

  test("it takes a SASL password", async () => {
    const env = { RDKAFKA_SECURITY_PROTOCOL: "sasl_ssl", RDKAFKA_SASL_MECHANISM: "SCRAM-SHA-512" };
    expect(await exitCode(image!, ["config"], env)).toBe(0);
  });

  test("it asks an OIDC provider for a token", async () => {
    await using provider = startTokenEndpoint(unsecuredToken());
    const env = {
      KAFKA_BROKER_LIST: "127.0.0.1:1",
      RDKAFKA_SECURITY_PROTOCOL: "sasl_plaintext",
      RDKAFKA_SASL_MECHANISM: "OAUTHBEARER",
      RDKAFKA_SASL_OAUTHBEARER_METHOD: "oidc",
      RDKAFKA_SASL_OAUTHBEARER_CLIENT_ID: "alice",
      RDKAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: "alice-secret",
      RDKAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: provider.url,
    };
    await using _ = await startSidepost({ command: image!.command(), env });
    await waitUntil(
      () => provider.requests[0],
      10_000,
      () => new Error("no token was asked for"),
    );
    expect(provider.requests[0]?.authorization).toBe(`Basic ${btoa("alice:alice-secret")}`);
  }, 60_000);

  test("a keytab lets it in to a Kafka that asks for Kerberos tickets", async () => {
    await ensurePackages(TEST_NEEDS);
    await using kafka = await startKerberosKafka();
    const { keytab } = kafka.alice;
    const { KRB5_CONFIG } = kafka.env;
    const folder = dirname(KRB5_CONFIG);
    await run(["chmod", "a+rX", folder, dirname(keytab), keytab]);
    const env = {
      KAFKA_BROKER_LIST: kafka.sasl,
      RDKAFKA_SECURITY_PROTOCOL: "sasl_plaintext",
      RDKAFKA_SASL_MECHANISM: "GSSAPI",
      RDKAFKA_SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN: "0",
      KRB5_CLIENT_KTNAME: keytab,
      KRB5_CONFIG,
      KRB5CCNAME: "MEMORY:",
    };
    await using sidepost = await startSidepost({ command: image!.command(folder), env });
    const url = `${sidepost.url}/api/v1/events/user`;
    expect((await fetch(url, { method: "POST", body: '{"data": 1}' })).status).toBe(201);
  }, 120_000);
});

const healthCheck = (image: Image, METRICS_PORT: string): Promise<number> =>
  exitCode(image, image.config.Healthcheck.Test.slice(2), { METRICS_PORT });

function exitCode({ command }: Image, args: string[], env: Record<string, string>): Promise<number> {
  const options = { env: { ...process.env, ...env }, stdout: "ignore", stderr: "ignore" } as const;
  return Bun.spawn([...command(), ...args], options).exited;
}
