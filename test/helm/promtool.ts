import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Series in PromQL's notation, each with promtool's: `0+1x10` is 0 and ten steps of 1, `_` a missing value. */
export type Input = [series: string, values: string][];

/** Samples are taken, and rules evaluated, this often. */
export const INTERVAL = "15s";

/** Whether an alert is firing at a time (20m) when this was seen until then. */
export interface Expected {
  name: string;
  input: Input;
  firing: boolean;
  time: string;
}

/** Has promtool try a rule. Throws, with what promtool says and the name of the case, where it is not as expected. */
export async function expectAlert(rule: { alert: string }, cases: Expected[]): Promise<void> {
  await promtool(["test", "rules", "test.json"], {
    "rules.json": { groups: [{ name: "one", rules: [rule] }] },
    "test.json": {
      rule_files: ["rules.json"],
      evaluation_interval: INTERVAL,
      tests: cases.map(({ name, input, firing, time }) => ({
        name,
        interval: INTERVAL,
        input_series: input.map(([series, values]) => ({ series, values })),
        promql_expr_test: [
          {
            expr: `count(ALERTS{alertname="${rule.alert}",alertstate="firing"})`,
            eval_time: time,
            exp_samples: firing ? [{ labels: "{}", value: 1 }] : [],
          },
        ],
      })),
    },
  });
}

/** Has promtool read rule groups. */
export const checkRules = (groups: unknown): Promise<void> =>
  promtool(["check", "rules", "rules.json"], { "rules.json": { groups } });

async function promtool(args: string[], files: Record<string, unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sidepost-promtool-"));
  try {
    for (const [name, contents] of Object.entries(files))
      writeFileSync(join(folder, name), JSON.stringify(contents));
    const child = Bun.spawn(["promtool", ...args], { cwd: folder, stdin: "ignore", stderr: "pipe" });
    const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0) throw new Error(output + errors);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
