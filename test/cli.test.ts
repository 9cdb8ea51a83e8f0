import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, HELP, post } from "../src/cli.ts";
import { loadConfig } from "../src/config/load.ts";
import type { Config } from "../src/config/schema.ts";
import { freePorts } from "./helpers/ports.ts";

let printed: string[] = [];
let complained: string[] = [];
beforeEach(() => {
  [printed, complained] = [[], []];
  spyOn(console, "log").mockImplementation((text) => void printed.push(text));
  spyOn(console, "error").mockImplementation((text) => void complained.push(text));
});
afterEach(() => void jest.restoreAllMocks());

test("each question has its path on the admin port, and the answer is printed", async () => {
  using service = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => new Response(new URL(url).pathname),
  });
  const config = withAdmin(`127.0.0.1:${service.port}`);
  for (const command of ["health", "ready", "metrics"]) expect(await ask(command, config)).toBe(0);
  expect(printed).toEqual(["/health", "/readyz", "/metrics"]);
  expect(complained).toEqual([]);
});

test("an answer that is no success is printed all the same, and the exit code is 1", async () => {
  using service = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("ill", { status: 503 }),
  });
  expect(await ask("health", withAdmin(`127.0.0.1:${service.port}`))).toBe(1);
  expect(printed).toEqual(["ill"]);
});

test("an address that is every interface is asked on this machine", async () => {
  using service = Bun.serve({ port: 0, hostname: "::", fetch: () => new Response("well") });
  for (const address of [
    `:${service.port}`,
    `0.0.0.0:${service.port}`,
    `[::]:${service.port}`,
    `[::1]:${service.port}`,
  ])
    expect({ address, code: await ask("ready", withAdmin(address)) }).toEqual({ address, code: 0 });
});

test("a unix socket is asked, too", async () => {
  const path = join(tmpdir(), `sidepost-cli-${process.pid}.sock`);
  const service = Bun.serve({ unix: path, fetch: () => new Response("well") });
  expect(await ask("ready", withAdmin(`unix:${path}`))).toBe(0);
  expect(printed).toEqual(["well"]);
  await service.stop(true);
});

test("post sends one event and waits for Kafka, and the exit code says whether it is there", async () => {
  let status = 201;
  const requests: unknown[] = [];
  using service = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { method, url, headers } = request;
      const { pathname } = new URL(url);
      requests.push({ method, pathname, prefer: headers.get("prefer"), body: await request.json() });
      return new Response("receipt", { status });
    },
  });
  const config = configOf({ SERVER_ADDRESS: `127.0.0.1:${service.port}`, SERVER_WRITE_TIMEOUT: "2500ms" });
  expect(await post(["a.b/c", '{"n": 1}'], config)).toBe(0);
  expect(requests).toEqual([
    { method: "POST", pathname: "/api/v1/events/a.b%2Fc", prefer: "wait=3", body: { data: '{"n": 1}' } },
  ]);
  for (status of [202, 422, 503]) expect(await post(["user", "{}"], config)).toBe(1);
  expect(printed).toEqual(["receipt", "receipt", "receipt", "receipt"]);
});

test.each([[], ["user"], ["user", "{}", "{}"]])("post with the words %j is EX_USAGE", async (...words) => {
  expect(await post(words, configOf({}))).toBe(64);
  expect(complained).toEqual([expect.stringContaining("expected a name and JSON data")]);
});

test("where nothing answers, it says where it asked, and the exit code is 1", async () => {
  const [port] = await freePorts(1);
  expect(await ask("health", withAdmin(`:${port}`))).toBe(1);
  expect(complained).toEqual([
    expect.stringContaining(`nothing answers at http://localhost:${port}/health: `),
  ]);
});

test("an unknown command is EX_USAGE, and the answer names those that exist", async () => {
  for (const command of ["halth", "toString"]) expect(await ask(command, withAdmin(":1"))).toBe(64);
  expect(complained[0]).toStartWith('"halth" is no command; allowed: ');
});

test("the help names every command", () => {
  for (const command of ["config", "health", "ready", "metrics", "post", "help"])
    expect(HELP).toContain(`\n  sidepost ${command} `);
});

const withAdmin = (address: string): Config => configOf({ METRICS_PORT: address });

function configOf(env: Record<string, string>): Config {
  const loaded = loadConfig(env, { readFile: (path) => path, checkProperty: () => undefined });
  if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
  return loaded.config;
}
