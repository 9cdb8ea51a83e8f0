import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, HELP } from "../src/cli.ts";
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
  for (const command of ["config", "health", "ready", "metrics", "help"])
    expect(HELP).toContain(`\n  sidepost ${command} `);
});

function withAdmin(address: string): Config {
  const loaded = loadConfig(
    { METRICS_PORT: address },
    { readFile: (path) => path, checkProperty: () => undefined },
  );
  if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
  return loaded.config;
}
