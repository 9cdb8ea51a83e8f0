import { once } from "node:events";
import { type IncomingMessage, request, type RequestOptions } from "node:http";
import { text } from "node:stream/consumers";

import type { Config } from "./config/schema.ts";
import type { Address } from "./config/units.ts";

export const HELP = `sidepost: post events to localhost, and know where each one is

  sidepost start      start the service; so does sidepost alone
  sidepost config     print what is in force, secrets hidden
  sidepost health     ask the running service how it is; exit code 0 when it is well
  sidepost ready      ask whether it may be sent events
  sidepost metrics    print its metrics
  sidepost post NAME DATA
                      post one event to it, such as: sidepost post user '{"user_id": "123"}'; exit code 0 when Kafka has it
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
  if (path === undefined)
    return refuse(`"${command}" is no command; allowed: start, config, health, ready, metrics, post, help`);
  return await print({ ...reach(metrics.address), path, signal: AbortSignal.timeout(ASK_MS) }, 200);
}

/** Posts one event of this name, waits for Kafka, prints the receipt or the problem, and returns an exit code. */
export async function post([name, data, ...rest]: string[], { server }: Config): Promise<number> {
  if (name === undefined || data === undefined || rest.length > 0)
    return refuse(`expected a name and JSON data, such as: sidepost post user '{"user_id": "123"}'`);
  const wait = Math.ceil(server.writeTimeout / 1000);
  const message = {
    ...reach(server.address),
    method: "POST",
    path: `/api/v1/events/${encodeURIComponent(name)}`,
    headers: { "content-type": "application/json", prefer: `wait=${wait}` },
    signal: AbortSignal.timeout(server.writeTimeout + ASK_MS),
  };
  // `data` is JSON text, which the service checks as it checks that of others.
  return await print(message, 201, JSON.stringify({ data }));
}

const EX_USAGE = 64;

function refuse(what: string): number {
  console.error(what);
  return EX_USAGE;
}

type Message = RequestOptions & Target & { path: string };

/** Prints the answer; the exit code is 0 where it has the status that is expected. */
async function print(message: Message, status: number, body?: string): Promise<number> {
  try {
    // Not fetch: it would ask HTTP_PROXY, which Docker sets in containers, for this very machine.
    const sent = request({ ...message, agent: false }).end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    console.log(await text(answer));
    return answer.statusCode === status ? 0 : 1;
  } catch (error) {
    console.error(
      `nothing answers at ${place(message)}${message.path}: ${error instanceof Error ? error.message : error}`,
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
