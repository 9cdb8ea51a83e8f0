import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import * as v from "valibot";
import { waitUntil } from "./wait.ts";

export type LogLine = Record<string, unknown>;

/** A sidepost in a process of its own. Disposing of it kills it. */
export interface Sidepost extends AsyncDisposable {
  /** Where the data port listens, such as `http://127.0.0.1:43211`. */
  url: string;
  /** Where the admin port listens; undefined where there is none. */
  adminUrl: string | undefined;
  pid: number;
  /** Every log line so far. */
  log: LogLine[];
  /** Every line so far, on either stream, that is not a log line. */
  text: string[];
  /** The first log line, past or to come, that matches. Rejects after `ms` (10,000) or when the process ends. */
  waitForLog(matches: (line: LogLine) => boolean, ms?: number): Promise<LogLine>;
  kill(signal?: NodeJS.Signals): void;
  /** The exit code, once all output is read; 128 and the signal's number where a signal ended it. */
  exited: Promise<number>;
}

export interface SidepostOptions {
  /** Beside a bare environment (PATH, HOME) and free ports of 127.0.0.1. */
  env?: Record<string, string>;
  args?: string[];
  /** The program, where it is not the sources. */
  command?: string[];
}

/** The program, as its sources. */
export const SOURCES = [process.execPath, "src/main.ts"];
const Listening = v.object({ msg: v.literal("listening"), data: v.string(), admin: v.optional(v.string()) });

/**
 * Starts sidepost and resolves when it listens. Throws, with what it printed, if it ends before.
 * @example await using sidepost = await startSidepost({ env: { KAFKA_BROKER_LIST: "embedded" } });
 */
export async function startSidepost({
  env = {},
  args = [],
  command = SOURCES,
}: SidepostOptions = {}): Promise<Sidepost> {
  const program = observe([...command, ...args], {
    SERVER_ADDRESS: "127.0.0.1:0",
    METRICS_PORT: "127.0.0.1:0",
    ...env,
  });
  try {
    const line = await program.waitForLog((entry) => entry["msg"] === "listening");
    const { data, admin } = v.parse(Listening, line);
    return { ...program, url: data, adminUrl: admin };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

function observe(command: string[], env: Record<string, string>): Omit<Sidepost, "url" | "adminUrl"> {
  const { PATH, HOME } = process.env;
  // The kernel kills it when we are gone, however we went.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: LogLine[] = [];
  const text: string[] = [];
  let code: number | undefined;
  const take = (line: string): void => {
    const entry = parseLogLine(line);
    if (entry === undefined) text.push(line);
    else log.push(entry);
  };
  createInterface({ input: child.stdout }).on("line", take);
  createInterface({ input: child.stderr }).on("line", take);
  const exited = new Promise<number>((resolve) => {
    child.once("close", (status, signal) => {
      code = status ?? 128 + constants.signals[signal ?? "SIGKILL"];
      resolve(code);
    });
  });

  const missing = (why: string): Error => {
    const printed = [...log.map((entry) => JSON.stringify(entry)), ...text];
    return new Error(`the log line did not come: ${why}; printed:\n${printed.join("\n")}`);
  };
  const waitForLog = (matches: (line: LogLine) => boolean, ms = 10_000): Promise<LogLine> => {
    const check = (): LogLine | undefined => {
      const line = log.find(matches);
      if (line === undefined && code !== undefined) throw missing(`it ended with ${code}`);
      return line;
    };
    return waitUntil(check, ms, () => missing(`${ms} ms passed`));
  };
  const kill = (signal: NodeJS.Signals = "SIGTERM"): void => void child.kill(signal);
  const dispose = async (): Promise<void> => {
    kill("SIGKILL");
    await exited;
  };
  return { pid: child.pid ?? -1, log, text, waitForLog, kill, exited, [Symbol.asyncDispose]: dispose };
}

function parseLogLine(line: string): LogLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return v.parse(v.record(v.string(), v.unknown()), JSON.parse(line));
  } catch {
    return undefined;
  }
}
