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
  const { url, options } = reach(metrics.address);
  try {
    const answer = await fetch(url + path, { ...options, signal: AbortSignal.timeout(ASK_MS) });
    console.log(await answer.text());
    return answer.ok ? 0 : 1;
  } catch (error) {
    console.error(`nothing answers at ${url}${path}: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function reach(address: Address): { url: string; options: { unix?: string } } {
  if ("unix" in address) return { url: "http://localhost", options: { unix: address.unix } };
  const anywhere = address.hostname === "" || address.hostname === "0.0.0.0" || address.hostname === "::";
  const host = anywhere ? "localhost" : address.hostname;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`, options: {} };
}
