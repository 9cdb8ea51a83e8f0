import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { ensurePackages } from "../../src/native/packages.ts";
import { PROMETHEUS } from "./needs.ts";
import { freePorts } from "./ports.ts";
import { waitUntil } from "./wait.ts";

/** What is scraped, and the labels that its series get, as the Prometheus operator gives them to a Pod's. */
export interface Target {
  address: string;
  labels: Record<string, string>;
}

/** One series of an answer: times in seconds since the epoch, and values. */
export interface Series {
  labels: Record<string, string>;
  values: [time: number, value: number][];
}

const Value = v.tuple([v.number(), v.pipe(v.string(), v.transform(toNumber))]);
const Metric = v.record(v.string(), v.string());
const Matrix = v.object({
  data: v.object({ result: v.array(v.object({ metric: Metric, values: v.array(Value) })) }),
});
const RuleState = v.object({ name: v.string(), health: v.string(), lastError: v.optional(v.string()) });
const Rules = v.object({
  data: v.object({ groups: v.array(v.object({ rules: v.array(RuleState) })) }),
});
const Alerts = v.object({
  data: v.object({
    alerts: v.array(v.object({ labels: Metric, annotations: Metric, state: v.string() })),
  }),
});

export type RuleState = v.InferOutput<typeof RuleState>;
export type Alert = v.InferOutput<typeof Alerts>["data"]["alerts"][number];

/** A Prometheus of one's own. Disposing of it ends it and removes its data. */
export interface Prometheus extends AsyncDisposable {
  /** From now on these are scraped, and no others. */
  scrape(targets: Target[]): void;
  /** Evaluates an expression at times in seconds since the epoch. Throws, with what it says, where it is wrong. */
  range(expr: string, range: { start: number; end: number; step: number }): Promise<Series[]>;
  /** The alerts that are pending or firing. */
  alerts(): Promise<Alert[]>;
  /** Its rules: whether their evaluation works. */
  rules(): Promise<RuleState[]>;
}

export interface PrometheusOptions {
  /** Of scrapes and of rules, such as 1s. */
  interval: string;
  /** A rule file: `groups`. */
  rules?: unknown;
}

const MINUTE = 60_000;

/** Starts a real Prometheus on a free port of 127.0.0.1. */
export async function startPrometheus({ interval, rules = {} }: PrometheusOptions): Promise<Prometheus> {
  await ensurePackages([PROMETHEUS]);
  const folder = mkdtempSync(join(tmpdir(), "sidepost-prometheus-"));
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  // JSON is YAML.
  const write = (name: string, contents: unknown) => {
    writeFileSync(join(folder, `new-${name}`), JSON.stringify(contents));
    renameSync(join(folder, `new-${name}`), join(folder, name));
  };
  const scrape = (targets: Target[]) =>
    write(
      "targets.json",
      targets.map(({ address, labels }) => ({ targets: [address], labels })),
    );
  scrape([]);
  write("rules.json", rules);
  write("prometheus.json", {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ["rules.json"],
    scrape_configs: [{ job_name: "pods", file_sd_configs: [{ files: ["targets.json"] }] }],
  });
  const command = [
    "setpriv",
    "--pdeathsig=KILL",
    "prometheus",
    `--config.file=${join(folder, "prometheus.json")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const log = Bun.file(join(folder, "log"));
  const child = Bun.spawn(command, { stdin: "ignore", stdout: log, stderr: log });
  const ask = async (path: string): Promise<unknown> => {
    const answer = await (await fetch(`${url}/api/v1/${path}`)).text();
    const body: unknown = JSON.parse(answer);
    if (!v.is(v.object({ status: v.literal("success") }), body)) throw new Error(`${path}: ${answer}`);
    return body;
  };
  const ready = async () => {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (answer?.ok) return true;
    if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${await log.text()}`);
    return undefined;
  };
  const dispose = async () => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil(ready, MINUTE, () => new Error("Prometheus is not ready after a minute"));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    scrape,
    async range(expr, { start, end, step }) {
      const query = new URLSearchParams({ query: expr, start: `${start}`, end: `${end}`, step: `${step}` });
      const { result } = v.parse(Matrix, await ask(`query_range?${query}`)).data;
      return result.map(({ metric, values }) => ({ labels: metric, values }));
    },
    alerts: async () => v.parse(Alerts, await ask("alerts")).data.alerts,
    async rules() {
      const { groups } = v.parse(Rules, await ask("rules?type=alert")).data;
      return groups.flatMap((group) => group.rules);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function toNumber(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}
