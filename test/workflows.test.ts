import { beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";

import { cacheFolder, run } from "../src/native/toolchain.ts";

const FOLDER = join(import.meta.dir, "../.github/workflows");
const CI = join(import.meta.dir, "../.ci");
const ACTIONLINT = "1.7.12";

const Job = v.object({
  permissions: v.optional(v.record(v.string(), v.string())),
  "timeout-minutes": v.optional(v.number()),
  uses: v.optional(v.string()),
  steps: v.optional(v.array(v.object({ uses: v.optional(v.string()), with: v.optional(v.unknown()) }))),
});
const Workflow = v.object({ permissions: v.record(v.string(), v.string()), jobs: v.record(v.string(), Job) });

const names = [...new Bun.Glob("*.yml").scanSync({ cwd: FOLDER })].toSorted();
const texts = names.map((name) => readFileSync(join(FOLDER, name), "utf8"));
const workflows = texts.map((text) => v.parse(Workflow, Bun.YAML.parse(text)));
const jobs = workflows.flatMap((workflow) => Object.values(workflow.jobs));

test("there is a workflow for the tests, the image, the chart and the release", () => {
  expect(names).toEqual(["chart.yml", "image.yml", "release.yml", "test.yml"]);
});

test("workflows may only read, but for the jobs that publish", () => {
  for (const { permissions } of workflows) expect(permissions).toEqual({ contents: "read" });
});

test("every job that runs on a machine has a limit of time", () => {
  for (const job of jobs.filter(({ uses }) => uses === undefined))
    expect(job["timeout-minutes"]).toBeWithin(1, 91);
});

test("actions are taken by commit, beside the version that it is of", () => {
  const used = texts.flatMap((text) => [...text.matchAll(/\buses: (.+)$/gm)].map(([, action]) => action!));
  for (const action of used.filter((name) => !name.startsWith("./")))
    expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test("one action is of one version everywhere", () => {
  const versions = new Map<string, Set<string>>();
  for (const [, name, version] of texts.join("\n").matchAll(/\buses: (\S+)@(.+)$/gm))
    versions.set(name!, (versions.get(name!) ?? new Set()).add(version!));
  for (const found of versions.values()) expect([...found]).toHaveLength(1);
});

const hasGo = Bun.which("go") !== null;
if (!hasGo)
  console.error("The workflows were NOT linted: actionlint is built with Go, and no `go` is on the PATH");

let actionlint = "";
beforeAll(async () => {
  if (hasGo) actionlint = await buildActionlint();
}, 300_000);

/** Builds it once for every checkout of this user. Throws with Go's last words. */
async function buildActionlint(): Promise<string> {
  const folder = join(cacheFolder(), `actionlint-${ACTIONLINT}`);
  const program = join(folder, "actionlint");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const module = `github.com/rhysd/actionlint/cmd/actionlint@v${ACTIONLINT}`;
  await run(["go", "install", module], { env: { ...process.env, GOBIN: folder } });
  return program;
}

test("ShellCheck finds no fault in the scripts of CI", async () => {
  const scripts = [...new Bun.Glob("*").scanSync({ cwd: CI })];
  expect(scripts).toContain("run");
  await run(["shellcheck", ...scripts.map((name) => join(CI, name))]);
});

// Where ShellCheck is there, actionlint has it look at the workflows' own lines.
test.skipIf(!hasGo)("actionlint finds no fault in the workflows", async () => {
  await run([actionlint, ...names.map((name) => join(FOLDER, name))]);
});

test.skipIf(!hasGo)("actionlint finds the fault in a workflow that has one", async () => {
  const text =
    "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ nonsense.b }}\n";
  const child = Bun.spawn([actionlint, "-"], { stdin: new Blob([text]), stdout: "pipe" });
  expect(await child.stdout.text()).toContain("nonsense");
  expect(await child.exited).toBe(1);
});
