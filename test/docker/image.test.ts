import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { startSidepost } from "../helpers/process.ts";
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

  test("on a read-only filesystem it takes an event, calls itself ready, and drains on SIGTERM", async () => {
    await using sidepost = await startSidepost({ command: image!.command, env: EMBEDDED });
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
    await using sidepost = await startSidepost({ command: image!.command, env });
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

  test("it takes a SASL password, although the library of Kerberos is not in it", async () => {
    const env = { RDKAFKA_SECURITY_PROTOCOL: "sasl_ssl", RDKAFKA_SASL_MECHANISM: "SCRAM-SHA-512" };
    expect(await exitCode(image!, ["config"], env)).toBe(0);
  });
});

const healthCheck = (image: Image, METRICS_PORT: string): Promise<number> =>
  exitCode(image, image.config.Healthcheck.Test.slice(2), { METRICS_PORT });

function exitCode({ command }: Image, args: string[], env: Record<string, string>): Promise<number> {
  const options = { env: { ...process.env, ...env }, stdout: "ignore", stderr: "ignore" } as const;
  return Bun.spawn([...command, ...args], options).exited;
}
