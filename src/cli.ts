import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

import type { Config } from "./config/schema.ts";
import type { Address } from "./config/units.ts";

export const HELP = `sidepost: post events to localhost, and know where each one is

  sidepost start      start the service; so does sidepost alone
  sidepost config     print what is in force, secrets hidden
  sidepost health     ask the running service how it is; exit code 0 when it is well
  sidepost ready      ask whether it may be sent events
  sidepost metrics    print its metrics
  sidepost help       print this

It is configured by environment variables; the README lists them.`;

const PATHS = new Map([
  ["health", "/health"],
  ["ready", "/readyz"],
  ["metrics", "/metrics"],
]);
const ASK_MS = 5000;

/** Asks the service that runs with this configuration, prints the answer, and returns an exit code. */
export async function ask(command: string, { metrics }: Config): Promise<number> {
  const path = PATHS.get(command);
  if (path === undefined) {
    console.error(`"${command}" is no command; allowed: start, config, health, ready, metrics, help`);
    return 64; // EX_USAGE
  }
  const target = reach(metrics.address);
  try {
    // Not fetch: it would ask HTTP_PROXY, which Docker sets in containers, for this very machine.
    const request = get({ ...target, path, agent: false, signal: AbortSignal.timeout(ASK_MS) });
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    console.log(await text(answer));
    return answer.statusCode === 200 ? 0 : 1;
  } catch (error) {
    console.error(
      `nothing answers at ${place(target)}${path}: ${error instanceof Error ? error.message : error}`,
    );
    return 1;
  }
}

type Target = { socketPath: string } | { host: string; port: number };

function reach(address: Address): Target {
  if ("unix" in address) return { socketPath: address.unix };
  const { hostname, port } = address;
  const anywhere = hostname === "" || hostname === "0.0.0.0" || hostname === "::";
  return { host: anywhere ? "localhost" : hostname, port };
}

function place(target: Target): string {
  if ("socketPath" in target) return `unix:${target.socketPath}`;
  const { host, port } = target;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
