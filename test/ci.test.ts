import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = mkdtempSync(join(tmpdir(), "sidepost-ci-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Stands in for npx: notes what is run and for which images, reports what it is given, and fails where it is told. */
const NPX = `#!/bin/sh
cd "$(dirname "$0")" && name=$4
echo "$name \${SIDEPOST_BASE_IMAGE_SCRIPT-docker}" >>ran
for arg; do
  case $arg in --reporter-outfile=*) [ ! -f "$name.xml" ] || cp "$name.xml" "\${arg#*=}" ;; esac
done
[ ! -f "$name.fails" ]
`;

interface Script {
  tests?: number;
  failures?: number;
  skipped?: number;
  fails?: boolean;
}

interface World {
  scripts: Record<string, Script>;
  /** Whether a docker engine answers. */
  docker?: boolean;
  /** The program that makes base images. */
  baseImages?: string;
  /** Whether there is a script that starts a Kubernetes. */
  cluster?: boolean;
}

/** Runs .ci/run in a world where no script of the package is run for real. */
async function runCi({ scripts, docker = false, baseImages = "/nowhere", cluster = false }: World) {
  const folder = mkdtempSync(join(root, "world-"));
  const program = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  };
  program("npx", NPX);
  if (cluster) program("cluster.sh", "");
  program("docker", `#!/bin/sh\nexit ${docker ? 0 : 1}\n`);
  for (const [name, { tests, failures = 0, skipped = 0, fails = failures > 0 }] of Object.entries(scripts)) {
    const counts = `tests="${tests}" assertions="99" failures="${failures}" skipped="${skipped}"`;
    if (tests !== undefined)
      writeFileSync(join(folder, `${name}.xml`), `<?xml?>\n<testsuites name="bun test" ${counts}>\n`);
    if (fails) writeFileSync(join(folder, `${name}.fails`), "");
  }
  const PATH = `${folder}:${process.env["PATH"]}`;
  const env = { ...process.env, PATH, SIDEPOST_BASE_IMAGE_SCRIPT: baseImages, SIDEPOST_KUBE: folder };
  const ci = Bun.spawn(["bash", ".ci/run"], { env, stdin: "ignore", stderr: "inherit" });
  const output = (await ci.stdout.text()).trimEnd().split("\n");
  const ran = join(folder, "ran");
  return {
    code: await ci.exited,
    output,
    closing: output.at(-1),
    ran: existsSync(ran) ? readFileSync(ran, "utf8").trimEnd().split("\n") : [],
  };
}

const WELL = { test: { tests: 10 }, "test:docker": { tests: 4 } };

test("CI closes with all tests and checks that passed, and says how many were skipped", async () => {
  const { code, output } = await runCi({
    scripts: { ...WELL, test: { tests: 10, skipped: 2 } },
    docker: true,
  });
  expect(output.slice(-2)).toEqual(["2 tests were skipped", "15 passed, 0 failed"]);
  expect(code).toBe(0);
});

test("CI counts each test and each check that failed, and fails", async () => {
  const scripts = {
    test: { tests: 10, failures: 3 },
    "test:docker": { tests: 4, failures: 1 },
    lint: { fails: true },
  };
  expect(await runCi({ scripts, docker: true })).toMatchObject({ code: 1, closing: "12 passed, 5 failed" });
});

test("CI counts an error between tests, which is in no count of theirs", async () => {
  const scripts = { ...WELL, test: { tests: 10, fails: true } };
  expect(await runCi({ scripts, docker: true })).toMatchObject({ code: 1, closing: "17 passed, 1 failed" });
});

test("CI fails where no test has run", async () => {
  const { code, closing, ran } = await runCi({ scripts: {} });
  expect({ code, closing }).toEqual({ code: 1, closing: "0 passed, 1 failed" });
  expect(ran.map((line) => line.split(" ", 1)[0])).toEqual(["test"]);
});

test("CI tests the image on docker's base images, on those of a script, or says that it cannot", async () => {
  const [docker, script, neither] = await Promise.all([
    runCi({ scripts: WELL, docker: true }),
    runCi({ scripts: WELL, docker: true, baseImages: "/bin/true" }),
    runCi({ scripts: WELL }),
  ]);
  expect(docker.ran).toContain("test:docker docker");
  expect(script.ran).toContain("test:docker /bin/true");
  expect(neither.ran.join()).not.toContain("test:docker");
  expect(neither.output.join("\n")).toContain("The image was NOT tested");
  expect(neither).toMatchObject({ code: 0, closing: "13 passed, 0 failed" });
});

test("CI tests the chart in a cluster where one can be started, or says that it cannot", async () => {
  const scripts = { ...WELL, "test:cluster": { tests: 3, failures: 1 } };
  const [there, missing] = await Promise.all([
    runCi({ scripts, docker: true, cluster: true }),
    runCi({ scripts, docker: true }),
  ]);
  expect(there).toMatchObject({ code: 1, closing: "19 passed, 1 failed" });
  expect(missing.ran.join()).not.toContain("test:cluster");
  expect(missing.output.join("\n")).toContain("NOT tested in a cluster");
  expect(missing).toMatchObject({ code: 0, closing: "17 passed, 0 failed" });
});
