import * as v from "valibot";
import { freePorts } from "../helpers/ports.ts";
import { type Sidepost, startSidepost } from "../helpers/process.ts";
import { waitUntil } from "../helpers/wait.ts";
import type { Life } from "./ledger.ts";

/** A sidepost that is ended and started again on the same port. */
export interface Service extends AsyncDisposable {
  port: number;
  /** Those that have ended. */
  lives: EndedLife[];
  readonly running: boolean;
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with what is wrong with its end, if something is. `brokenSince` as in {@link Life}. */
  terminate(brokenSince?: number): Promise<string[]>;
  /** Resolves when nothing taken is unsettled any more; what is left after `ms`, otherwise. */
  settled(ms: number): Promise<string[]>;
}

export interface EndedLife extends Life {
  code: number;
}

const Stats = v.object({ pending: v.number(), spooled: v.number() });

/** `dist/sidepost`, or another program to try, in PROGRAM; the sources otherwise. */
const program = process.env["PROGRAM"];

/** Starts it with this environment. `smallDisk`: its disk may be full. */
export async function startService(env: Record<string, string>, smallDisk = false): Promise<Service> {
  const [port = 0] = await freePorts(1);
  const lives: EndedLife[] = [];
  let sidepost: Sidepost | undefined;
  let startedAt = 0;

  async function start(): Promise<void> {
    startedAt = Date.now();
    sidepost = await startSidepost({
      env: { SERVER_ADDRESS: `127.0.0.1:${port}`, ...env },
      ...(program === undefined ? {} : { command: [program] }),
    });
  }

  /** A life that is over, and its last log line. */
  async function end(signal: "SIGKILL" | "SIGTERM", brokenSince?: number) {
    if (sidepost === undefined) throw new Error("sidepost does not run");
    const { exited, log } = sidepost;
    sidepost.kill(signal);
    const code = await exited;
    const lines = log.filter(({ msg }) => msg === "Event lost");
    const saidLost = new Set(lines.map((line) => String(line["event_id"])));
    const endedAt = Date.now();
    const life = {
      startedAt,
      endedAt,
      brokenSince: brokenSince ?? endedAt,
      killed: signal === "SIGKILL",
      forgets: signal === "SIGKILL" || smallDisk,
      saidLost,
      code,
    };
    lives.push(life);
    sidepost = undefined;
    return { life, last: log.at(-1) };
  }

  async function terminate(brokenSince?: number): Promise<string[]> {
    const { life, last } = await end("SIGTERM", brokenSince);
    const expected = life.saidLost.size === 0 ? 0 : 1;
    return [
      ...(life.code === expected
        ? []
        : [`exit code ${life.code}, with ${life.saidLost.size} events said to be lost`]),
      ...(last?.["msg"] === "Drained" && last["lost"] === life.saidLost.size
        ? []
        : [`${life.saidLost.size} lines of lost events, and the last line was ${JSON.stringify(last)}`]),
    ];
  }

  async function settled(ms: number): Promise<string[]> {
    let left: v.InferOutput<typeof Stats> | undefined;
    const none = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/events/stats`);
      left = v.parse(Stats, await response.json());
      return left.pending + left.spooled === 0 ? [] : undefined;
    };
    const otherwise = () => new Error(`not settled after ${ms} ms: ${JSON.stringify(left)}`);
    return waitUntil(none, ms, otherwise).catch((error: Error) => [error.message]);
  }

  await start();
  return {
    port,
    lives,
    get running() {
      return sidepost !== undefined;
    },
    start,
    kill: async () => void (await end("SIGKILL")),
    terminate,
    settled,
    [Symbol.asyncDispose]: async () => void (await sidepost?.[Symbol.asyncDispose]()),
  };
}
