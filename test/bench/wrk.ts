import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";

import type { Need } from "../../src/native/packages.ts";

/** The load generator: written in C, so much cheaper than what it loads. */
export const WRK: Need = { what: "wrk", present: () => Bun.which("wrk") !== null, debian: ["wrk"] };

/** One body posted to one path by some connections, each sending its next post when the last is answered. */
export interface Posts {
  url: string;
  headers: Record<string, string>;
  contentType: string;
  body: string;
  seconds: number;
  connections: number;
  /** Milliseconds each connection waits before a post. */
  pause?: number;
}

const Report = v.object({
  answers: v.number(),
  statuses: v.record(v.string(), v.number()),
  broken: v.number(),
  p50: v.number(),
  p99: v.number(),
});

/** What wrk counted: answers, all and by status, `broken` for connection errors and timeouts; latencies in us. */
export type Answers = v.InferOutput<typeof Report>;

/** Seconds between the last post and wrk's end, in which every post under way gets its answer. */
const GRACE = 1;

/** Posts for a bounded time from one thread of wrk; returns when every post is answered. Throws if wrk fails. */
export async function post({ url, headers, contentType, body, seconds, connections, pause = 0 }: Posts) {
  const folder = await mkdtemp(join(tmpdir(), "sidepost-wrk-"));
  try {
    const file = join(folder, "body");
    await Bun.write(file, body);
    const command = ["wrk", "--threads", "1", "--connections", `${connections}`];
    command.push("--duration", `${Math.ceil(seconds + GRACE)}s`, "--script", `${import.meta.dir}/post.lua`);
    for (const [name, value] of Object.entries(headers)) command.push("--header", `${name}: ${value}`);
    return await run([...command, url, "--", file, contentType, `${seconds}`, `${pause}`]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function run(command: string[]): Promise<Answers> {
  const wrk = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([wrk.stdout.text(), wrk.stderr.text(), wrk.exited]);
  const report = output.trimEnd().split("\n").at(-1) ?? "";
  if (wrk.exitCode !== 0 || !report.startsWith("{")) throw new Error(`wrk failed: ${errors}${output}`);
  return v.parse(Report, JSON.parse(report));
}

/** What went wrong, in words; undefined when each post was answered 2xx. */
export function faults({ answers, statuses, broken }: Answers): string | undefined {
  const refusals = Object.entries(statuses).filter(([status]) => !status.startsWith("2"));
  const words = refusals.map(([status, count]) => `${count} answered ${status}`);
  if (broken > 0) words.push(`${broken} connection errors or timeouts`);
  if (answers === 0) words.push("no answer at all");
  return words.length > 0 ? words.join(", ") : undefined;
}
